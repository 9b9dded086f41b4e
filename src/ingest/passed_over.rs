//! Why a sound row states nothing for a history.

/// The certification, subscription or customer has ended.
pub(super) const ENDED: &str = "ended";
/// A training, an exam or an assessment that is no certification.
pub(super) const NO_CERTIFICATION: &str = "no_certification";
/// A claim is for a workload, and the report names none.
pub(super) const CLAIM_WITHOUT_WORKLOAD: &str = "claim_without_workload";
/// The attribution is of a type that the programme does not count, or that nobody knows, or there is none.
pub(super) const UNCOUNTED_ATTRIBUTION: &str = "uncounted_attribution";
/// The product contains none of the workloads.
pub(super) const OTHER_PRODUCT: &str = "other_product";
/// Nobody knows the product.
pub(super) const UNKNOWN_PRODUCT: &str = "unknown_product";
/// The row names no product, in a report that has columns of products.
pub(super) const NO_PRODUCT: &str = "no_product";
/// The row has no counts, and no attribution that counts.
pub(super) const NOTHING_STATED: &str = "nothing_stated";
/// All its fields are empty.
pub(super) const EMPTY_ROW: &str = "empty_row";
/// A row that sums up others, or tells how they were chosen.
pub(super) const SUMMARY_ROW: &str = "summary_row";

/// All of them, with what they mean.
pub const PASSED_OVER: [(&str, &str); 10] = [
    (ENDED, "the certification, subscription or customer has ended"),
    (NO_CERTIFICATION, "a training, an exam or an assessment that is no certification"),
    (CLAIM_WITHOUT_WORKLOAD, "a claim is for a workload, and the report names none"),
    (UNCOUNTED_ATTRIBUTION, "the attribution is none that the programme counts"),
    (OTHER_PRODUCT, "the product contains none of the workloads, such as Azure or Dynamics 365"),
    (UNKNOWN_PRODUCT, "the product is not known, so that nobody is associated"),
    (NO_PRODUCT, "the row names no product, so that nobody is associated"),
    (NOTHING_STATED, "no counts, and no attribution that counts"),
    (EMPTY_ROW, "all fields are empty"),
    (SUMMARY_ROW, "a row of totals, or of the filters of the report"),
];
