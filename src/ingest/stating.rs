//! What a row states, by the kind of its report. A row is taken whole or not at all: nothing is handed over before all of it is sound.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;

use chrono::NaiveDate;

use super::dates::{self, DateOrder};
use super::header::Header;
use super::ids;
use super::names::{Attributed, Known};
use super::passed_over;
use super::products::Contained;
use super::reading::{Reading, Sink};
use super::records::Records;
use super::report_kinds::{Column, States};
use super::row::{Row, Source, UnknownKind};
use super::rule::Rule;
use super::states::{KnownStates, State};
use super::tally::Tally;
use super::values::{self, Value};
use crate::email::has_email;
use crate::error::Error;
use crate::month::Month;

/// Names whose meaning is remembered, so that it is looked up once.
const NAMES_REMEMBERED: usize = 10_000;
/// The columns that name a product, from the most to the least specific.
const PRODUCTS: [Column; 5] =
    [Column::RawProduct, Column::Sku, Column::Product, Column::ReportingProduct, Column::ProductFamily];
/// The columns that name what a product belongs to.
const AREAS: [Column; 2] = [Column::SolutionArea, Column::Division];

/// Where a row breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) rule: Rule,
    /// The field.
    pub(super) place: Option<usize>,
}

/// What came of a row.
pub(super) enum Said {
    Kept,
    PassedOver(&'static str),
    Faulty(Fault),
    /// Not of the row: nothing can go on.
    Failed(Error),
}

impl From<Fault> for Said {
    fn from(fault: Fault) -> Said {
        Said::Faulty(fault)
    }
}

impl From<Error> for Said {
    fn from(error: Error) -> Said {
        Said::Failed(error)
    }
}

/// The fields of a row, by what they hold.
struct Cells<'a, R> {
    records: &'a Records<R>,
    header: &'a Header<'a>,
    date_order: DateOrder,
}

impl<R: Read> Cells<'_, R> {
    /// The text of a field, taken by `parse`.
    fn at<T>(&self, place: Option<usize>, parse: impl FnOnce(&str) -> Value<T>) -> std::result::Result<T, Fault> {
        let fault = |rule| Fault { rule, place };
        let bytes = place.map_or(&[][..], |place| self.records.field(place));
        let text = std::str::from_utf8(bytes).map_err(|_| fault(Rule::NotUtf8))?;
        // No column that is read holds an address: where one does, the columns are mixed up.
        if has_email(text) {
            return Err(fault(Rule::EmailAddress));
        }
        parse(text).map_err(fault)
    }

    /// The text of a column, taken by `parse`; empty where the file has not that column.
    fn get<T>(&self, column: Column, parse: impl FnOnce(&str) -> Value<T>) -> std::result::Result<T, Fault> {
        self.at(self.header.place(column), parse)
    }

    fn id(&self, column: Column) -> std::result::Result<String, Fault> {
        self.get(column, |text| values::id(text).map(|id| ids::normalised(id).into_owned()))
    }

    fn optional_id(&self, column: Column) -> std::result::Result<Option<String>, Fault> {
        self.get(column, |text| Ok(values::optional_id(text)?.map(|id| ids::normalised(id).into_owned())))
    }

    fn name(&self, column: Column) -> std::result::Result<Option<String>, Fault> {
        self.get(column, |text| Ok(values::name(text)?.map(str::to_owned)))
    }

    fn market(&self) -> std::result::Result<Option<String>, Fault> {
        self.get(Column::Market, |text| Ok(values::market(text)?.map(str::to_owned)))
    }

    fn month(&self) -> std::result::Result<Month, Fault> {
        self.get(Column::Month, |text| dates::month(text, self.date_order))
    }

    fn day(&self, column: Column) -> std::result::Result<NaiveDate, Fault> {
        self.get(column, |text| dates::day(text, self.date_order))
    }

    fn optional_day(&self, column: Column) -> std::result::Result<Option<NaiveDate>, Fault> {
        self.get(column, |text| dates::optional_day(text, self.date_order))
    }

    /// Whether a column has one of some values.
    fn is_one_of(&self, column: Column, values: &[String]) -> std::result::Result<bool, Fault> {
        self.get(column, |text| Ok(values.iter().any(|value| value.eq_ignore_ascii_case(text.trim()))))
    }
}

/// What a row tells of its partner.
struct Partner {
    partner_id: String,
    partner_name: Option<String>,
    global_partner_id: Option<String>,
}

/// Makes statements of the rows of one file.
pub(super) struct Stating<'a> {
    pub(super) header: &'a Header<'a>,
    pub(super) source: Source,
    pub(super) tally: Tally,
    /// Rows of usage that name no attribution.
    pub(super) unattributed: u64,
    /// Rows of a file that has no column of a product.
    pub(super) productless: u64,
    pub(super) reading: &'a Reading,
    /// The order of day and month in the file.
    pub(super) date_order: DateOrder,
    /// Fields are separated by semicolons.
    semicolons: bool,
    /// What the record at hand states.
    rows: Vec<Row>,
    /// What was told of partners already: the name and the global account.
    told: HashMap<String, (Option<String>, Option<String>)>,
    /// The last that was seen: exports have a row for each workload or product of a tenant.
    last: Option<Row>,
    /// Of which partner and month was told last that the report covers them.
    covered: Option<(String, Month)>,
    /// Workloads by their exported name, and whether they are known.
    workloads: HashMap<String, (String, bool)>,
    attributions: HashMap<String, Attributed>,
    states: HashMap<String, State>,
    /// Products and areas by their exported name; none where nobody knows them.
    products: HashMap<String, Option<Contained>>,
    areas: HashMap<String, Option<Contained>>,
    /// People whose ids begin with zeros: the pseudonyms of the id without these, and of the id.
    pub(super) zero_led: BTreeSet<(String, String)>,
    /// Certifications by their exported title, and whether that is of no exam.
    certifications: HashMap<(String, bool), Option<String>>,
}

/// What the columns of a row say of its product.
enum Product {
    Contains(Contained),
    /// Nobody knows the product of this name.
    Unknown(String),
    /// The row names none.
    Unnamed,
}

/// A row, stated or not.
type Stated = std::result::Result<(), Said>;

impl<'a> Stating<'a> {
    pub(super) fn new(header: &'a Header<'a>, path: String, reading: &'a Reading, delimiter: u8) -> Stating<'a> {
        Stating {
            header,
            source: Source { path, report: header.kind.id.clone() },
            tally: Tally::default(),
            unattributed: 0,
            productless: 0,
            reading,
            date_order: DateOrder::MonthFirst,
            semicolons: delimiter == b';',
            rows: Vec::new(),
            told: HashMap::new(),
            last: None,
            covered: None,
            workloads: HashMap::new(),
            attributions: HashMap::new(),
            states: HashMap::new(),
            products: HashMap::new(),
            areas: HashMap::new(),
            zero_led: BTreeSet::new(),
            certifications: HashMap::new(),
        }
    }

    /// Hands over what the record states.
    pub(super) fn row<R: Read>(&mut self, records: &Records<R>, sink: &mut Sink) -> Said {
        let cells = Cells { records, header: self.header, date_order: self.date_order };
        self.rows.clear();
        let stated = match self.header.kind.states {
            States::Usage => self.usage(&cells),
            States::Claims => self.claim(&cells),
            States::WideUsage => self.wide_usage(&cells),
            States::Seen => self.seen_alone(&cells),
            States::Certifications => self.certification(&cells),
            States::Profile => self.profile(&cells),
            States::Resellers => self.reseller(&cells),
        };
        let said = match stated {
            Ok(()) => Said::Kept,
            Err(said @ Said::PassedOver(_)) => said,
            Err(said) => return said,
        };
        self.rows.drain(..).try_for_each(|row| sink(&self.source, row)).map_or_else(Said::Failed, |()| said)
    }

    /// Usage of a workload; and the partner, seen through the type that the row names.
    fn usage<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let (partner, tenant_id, month) = both_of(cells)?;
        let workload = self.workload(cells)?;
        let (paid_seats, active_users) = self.counts(cells)?;
        let duplicate = cells.get(Column::Duplicate, values::flag)?;
        let attributed = self.attributed(cells)?;
        if attributed == Attributed::Nothing {
            self.unattributed += 1;
        }
        let usage = (tenant_id.clone(), workload.clone(), month);
        self.state_usage(usage, paid_seats, active_users, duplicate, None);
        match attributed {
            Attributed::As { association_type, by_workload } => {
                let workload = Some(workload).filter(|_| by_workload);
                self.see(&partner, tenant_id, workload, &association_type, month);
            }
            _ => self.cover(&partner, &attributed, month),
        }
        self.tell(partner);
        Ok(())
    }

    /// Usage of a workload, and the claim of it; seen without a date where the row has none.
    fn claim<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let (partner, tenant_id, month) = both_of(cells)?;
        let workload = self.workload(cells)?;
        let (paid_seats, active_users) = self.counts(cells)?;
        let duplicate = cells.get(Column::Duplicate, values::flag)?;
        let associated_on = cells.optional_day(Column::AssociatedOn)?;
        let attributed = match self.attributed(cells)? {
            Attributed::Nothing => self.reading.names.claim(),
            attributed => attributed,
        };
        let usage = (tenant_id.clone(), workload.clone(), month);
        self.state_usage(usage, paid_seats, active_users, duplicate, None);
        match (attributed, associated_on) {
            (Attributed::As { by_workload: true, .. }, Some(associated_on)) => {
                let partner_id = partner.partner_id.clone();
                self.rows.push(Row::Claim { partner_id, tenant_id, workload, associated_on, month });
            }
            (Attributed::As { association_type, by_workload }, _) => {
                self.see(&partner, tenant_id, Some(workload).filter(|_| by_workload), &association_type, month);
            }
            (attributed, _) => self.cover(&partner, &attributed, month),
        }
        self.tell(partner);
        Ok(())
    }

    /// Usage of every workload that has columns of its own, as a subscription's part.
    fn wide_usage<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let (partner, tenant_id, month) = both_of(cells)?;
        let part = cells.id(Column::SubscriptionId)?;
        let duplicate = cells.get(Column::Duplicate, values::flag)?;
        let has_ended = self.subscription_state(cells)? == State::Ended;
        let attributed = self.attributed(cells)?;
        let used = self.wide_counts(cells)?;
        for (workload, paid_seats, active_users) in &used {
            let usage = (tenant_id.clone(), workload.clone(), month);
            self.state_usage(usage, *paid_seats, *active_users, duplicate, Some(part.clone()));
        }
        let is_seen = match &attributed {
            _ if has_ended => false,
            // A claim is of the workloads that the subscription has.
            Attributed::As { association_type, by_workload: true } => {
                for (workload, ..) in used.iter().filter(|(_, seats, users)| *seats > 0 || *users > 0) {
                    self.see(&partner, tenant_id.clone(), Some(workload.clone()), association_type, month);
                }
                true
            }
            Attributed::As { association_type, .. } => match self.product_or_default(cells)? {
                Contained::Workloads(workloads) if workloads.is_empty() => false,
                contained => {
                    self.see_through(&partner, &tenant_id, &contained, association_type, month);
                    true
                }
            },
            _ => false,
        };
        if !is_seen {
            self.cover(&partner, &attributed, month);
            if used.is_empty() {
                return Err(Said::PassedOver(passed_over::NOTHING_STATED));
            }
        }
        self.tell(partner);
        Ok(())
    }

    /// Paid seats and active users of the workloads that have columns; none of one whose fields are empty.
    fn wide_counts<R: Read>(&self, cells: &Cells<R>) -> std::result::Result<Vec<(String, i64, i64)>, Fault> {
        let mut used = Vec::new();
        for (workload, paid_place, active_place) in &self.header.wide {
            let is_empty = |place: usize| cells.at(Some(place), |text| Ok(values::is_absent(text)));
            if is_empty(*paid_place)? && is_empty(*active_place)? {
                continue;
            }
            let count = |place: usize| cells.at(Some(place), |text| values::count(text, self.semicolons));
            let (paid_seats, active_users) = (count(*paid_place)?, count(*active_place)?);
            used.push(((*workload).to_owned(), paid_seats, active_users));
        }
        Ok(used)
    }

    /// The partner, seen with a tenant through a product: with all of it, or with the workloads that the product contains.
    fn seen_alone<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let (partner, tenant_id, month) = both_of(cells)?;
        let attributed = self.attributed(cells)?;
        let has_ended = self.subscription_state(cells)? == State::Ended;
        let reason = match &attributed {
            _ if has_ended => passed_over::ENDED,
            Attributed::As { by_workload: true, .. } => passed_over::CLAIM_WITHOUT_WORKLOAD,
            Attributed::As { association_type, .. } => match self.product(cells)? {
                Product::Contains(Contained::Workloads(workloads)) if workloads.is_empty() => {
                    passed_over::OTHER_PRODUCT
                }
                Product::Contains(contained) => {
                    self.see_through(&partner, &tenant_id, &contained, association_type, month);
                    self.tell(partner);
                    return Ok(());
                }
                Product::Unknown(name) => {
                    self.tally.know_not(UnknownKind::Product, &name);
                    passed_over::UNKNOWN_PRODUCT
                }
                Product::Unnamed => passed_over::NO_PRODUCT,
            },
            _ => passed_over::UNCOUNTED_ATTRIBUTION,
        };
        // A product that is not known may be one of Modern Work under a new name: the row says nothing.
        if !matches!(reason, passed_over::UNKNOWN_PRODUCT | passed_over::NO_PRODUCT) {
            self.cover(&partner, &attributed, month);
        }
        // A partner that sells other products has no association, and is a partner.
        if matches!(reason, passed_over::OTHER_PRODUCT | passed_over::UNKNOWN_PRODUCT | passed_over::NO_PRODUCT) {
            self.tell(partner);
        }
        Err(Said::PassedOver(reason))
    }

    /// A person's certification, and nothing of other trainings.
    fn certification<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let title = cells.name(Column::Certification)?;
        let types = self.header.kind.columns.get(&Column::TrainingType);
        let is_certification = match types {
            Some(column) => cells.is_one_of(Column::TrainingType, &column.certification)?,
            None => false,
        };
        let known = title.as_deref().and_then(|title| self.certification_named(title, is_certification));
        if known.is_none() && !is_certification {
            return Err(Said::PassedOver(passed_over::NO_CERTIFICATION));
        }
        let place = self.header.place(Column::Certification);
        let fault = |rule| Fault { rule, place };
        let title = title.ok_or(fault(Rule::EmptyName))?;
        let is_known = known.is_some();
        let slug = || self.reading.names.slug_of_title(&title).ok_or(fault(Rule::NotAName));
        let certification = known.map_or_else(slug, Ok)?;
        let partner = partner(cells)?;
        let person = cells.id(Column::PersonId)?;
        let earned_on = cells.day(Column::EarnedOn)?;
        let expires_on = cells.optional_day(Column::ExpiresOn)?;
        if expires_on.is_some_and(|expires_on| expires_on < earned_on) {
            let place = self.header.place(Column::ExpiresOn);
            return Err(Fault { rule: Rule::ExpiryBeforeEarning, place }.into());
        }
        // The day of expiry tells from when on one counts no more, whatever the status was on the day of the export: that day is after the
        // month that is scored.
        let counts = match self.state(cells, |states| &states.certification)? {
            State::Holds | State::Unknown => true,
            State::Ended => expires_on.is_some(),
            State::Withdrawn => false,
        };
        if !counts {
            return Err(Said::PassedOver(passed_over::ENDED));
        }
        if !is_known {
            self.tally.know_not(UnknownKind::Certification, &title);
        }
        let Some(key) = &self.reading.person_key else { return Err(Said::Failed(no_person_key())) };
        let (partner_id, person_id) = (partner.partner_id.clone(), key.pseudonym(&person));
        let without_zeros = person.trim_start_matches('0');
        if without_zeros.len() < person.len() && !without_zeros.is_empty() {
            self.zero_led.insert((key.pseudonym(without_zeros), person_id.clone()));
        }
        self.rows.push(Row::Certification { partner_id, person_id, certification, earned_on, expires_on });
        self.tell(partner);
        Ok(())
    }

    /// A partner's location, and the name of its global account.
    fn profile<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let Partner { partner_id, partner_name, global_partner_id } = partner(cells)?;
        let global_name = cells.name(Column::GlobalPartnerName)?;
        let market = cells.market()?;
        let global = global_partner_id.clone().filter(|global| *global != partner_id);
        self.rows.push(Row::Partner { partner_id, partner_name, global_partner_id, market });
        if let (Some(partner_id), Some(_)) = (global, &global_name) {
            self.tell(Partner { partner_id, partner_name: global_name, global_partner_id: None });
        }
        Ok(())
    }

    /// A partner's distributor in a month; the partner alone where there is none.
    fn reseller<R: Read>(&mut self, cells: &Cells<R>) -> Stated {
        let Partner { partner_id, partner_name, .. } = partner(cells)?;
        let market = cells.market()?;
        let distributor = cells.optional_id(Column::DistributorId)?;
        let month = cells.month()?;
        let row = match distributor {
            Some(distributor_id) => Row::Distributor { partner_id, partner_name, market, distributor_id, month },
            None => Row::Partner { partner_id, partner_name, global_partner_id: None, market },
        };
        self.state_once(row);
        Ok(())
    }

    fn counts<R: Read>(&self, cells: &Cells<R>) -> std::result::Result<(i64, i64), Fault> {
        let count = |column| cells.get(column, |text| values::count(text, self.semicolons));
        Ok((count(Column::PaidSeats)?, count(Column::ActiveUsers)?))
    }

    fn state_usage(
        &mut self,
        (tenant_id, workload, month): (String, String, Month),
        paid_seats: i64,
        active_users: i64,
        duplicate: bool,
        part: Option<String>,
    ) {
        self.rows.push(Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, part });
    }

    fn see(
        &mut self,
        partner: &Partner,
        tenant_id: String,
        workload: Option<String>,
        association_type: &str,
        month: Month,
    ) {
        let (partner_id, global_partner_id) = (partner.partner_id.clone(), partner.global_partner_id.clone());
        let association_type = association_type.to_owned();
        self.state_once(Row::Seen { partner_id, global_partner_id, tenant_id, workload, association_type, month });
    }

    /// States that a partner was seen with what a product contains.
    fn see_through(
        &mut self,
        partner: &Partner,
        tenant_id: &str,
        contained: &Contained,
        association_type: &str,
        month: Month,
    ) {
        match contained {
            Contained::All => self.see(partner, tenant_id.to_owned(), None, association_type, month),
            Contained::Workloads(workloads) => {
                for workload in workloads {
                    self.see(partner, tenant_id.to_owned(), Some(workload.clone()), association_type, month);
                }
            }
        }
    }

    /// States that the report covers a partner's month, where an attribution says so and the row before did not. Attributions that nobody
    /// knows say nothing: those that are known may have another name now.
    fn cover(&mut self, partner: &Partner, attributed: &Attributed, month: Month) {
        let covered = (partner.partner_id.clone(), month);
        if attributed.is_told() && self.covered.as_ref() != Some(&covered) {
            self.rows.push(Row::Covered { partner_id: covered.0.clone(), month });
            self.covered = Some(covered);
        }
    }

    /// States what the row before did not.
    fn state_once(&mut self, row: Row) {
        if self.last.as_ref() != Some(&row) {
            self.last = Some(row.clone());
            self.rows.push(row);
        }
    }

    /// Tells of a partner what was not told before in this file.
    fn tell(&mut self, partner: Partner) {
        let Partner { partner_id, partner_name, global_partner_id } = partner;
        if self.told.get(&partner_id).is_some_and(|told| (&told.0, &told.1) == (&partner_name, &global_partner_id)) {
            return;
        }
        self.told.insert(partner_id.clone(), (partner_name.clone(), global_partner_id.clone()));
        self.rows.push(Row::Partner { partner_id, partner_name, global_partner_id, market: None });
    }

    /// The workload's name in a history: of one that nobody knows, its exported name as a slug.
    fn workload<R: Read>(&mut self, cells: &Cells<R>) -> std::result::Result<String, Fault> {
        cells.get(Column::Workload, |text| {
            let name = values::name(text)?.ok_or(Rule::EmptyName)?;
            let (slug, is_known) = match self.workloads.get(name) {
                Some((slug, is_known)) => (slug.clone(), *is_known),
                None => self.look_up(name)?,
            };
            if !is_known {
                self.tally.know_not(UnknownKind::Workload, name);
            }
            Ok(slug)
        })
    }

    /// A workload's name in a history, and whether it is known.
    fn look_up(&mut self, name: &str) -> Value<(String, bool)> {
        let meant = match self.reading.names.workloads.get(name) {
            Some(slug) => (slug.clone(), true),
            None => (values::slug(name)?, false),
        };
        remember(&mut self.workloads, name.to_owned(), &meant);
        Ok(meant)
    }

    /// What the row's attribution means.
    fn attributed<R: Read>(&mut self, cells: &Cells<R>) -> std::result::Result<Attributed, Fault> {
        cells.get(Column::AssociationType, |text| {
            let Some(name) = values::name(text)? else { return Ok(Attributed::Nothing) };
            let attributed = match self.attributions.get(name) {
                Some(attributed) => attributed.clone(),
                None => self.meaning(name),
            };
            if attributed == Attributed::Unknown {
                self.tally.know_not(UnknownKind::AssociationType, name);
            }
            Ok(attributed)
        })
    }

    fn meaning(&mut self, name: &str) -> Attributed {
        let meant = self.reading.names.attribution(name);
        remember(&mut self.attributions, name.to_owned(), &meant);
        meant
    }

    /// What the row's state of a subscription or customer means.
    fn subscription_state<R: Read>(&mut self, cells: &Cells<R>) -> std::result::Result<State, Fault> {
        self.state(cells, |states| &states.subscription)
    }

    /// What the row's state means, in a list of states. One that is not known is reported.
    fn state<R: Read>(
        &mut self,
        cells: &Cells<R>,
        list: fn(&KnownStates) -> &Known<State>,
    ) -> std::result::Result<State, Fault> {
        let Some(name) = cells.name(Column::Status)? else { return Ok(State::Holds) };
        let state = match self.states.get(&name) {
            Some(state) => *state,
            None => {
                let state = list(&self.reading.names.states).get(&name).copied().unwrap_or(State::Unknown);
                remember(&mut self.states, name.clone(), &state);
                state
            }
        };
        if state == State::Unknown {
            self.tally.know_not(UnknownKind::State, &name);
        }
        Ok(state)
    }

    /// What the row's product contains. A file without any column of a product shows partners with whole tenants.
    fn product<R: Read>(&mut self, cells: &Cells<R>) -> std::result::Result<Product, Fault> {
        let has_column = |column: &Column| self.header.place(*column).is_some();
        if !PRODUCTS.iter().chain(&AREAS).any(has_column) {
            self.productless += 1;
            return Ok(Product::Contains(Contained::All));
        }
        let (product, first) = self.first_known(cells, &PRODUCTS)?;
        if let Some(contained) = product {
            return Ok(Product::Contains(contained));
        }
        let (area, _) = self.first_known(cells, &AREAS)?;
        Ok(match (area, first) {
            (Some(Contained::Workloads(none)), Some(_)) if none.is_empty() => {
                Product::Contains(Contained::Workloads(none))
            }
            (_, Some(name)) => Product::Unknown(name),
            (Some(contained), None) => Product::Contains(contained),
            (None, None) => Product::Unnamed,
        })
    }

    /// What the row's product contains; where nobody knows it, what all products of the report do.
    fn product_or_default<R: Read>(&mut self, cells: &Cells<R>) -> std::result::Result<Contained, Fault> {
        let (product, _) = self.first_known(cells, &PRODUCTS)?;
        let default = || {
            let name = self.header.kind.default_product.as_ref()?;
            self.reading.names.products.contained(name).cloned()
        };
        Ok(product.or_else(default).unwrap_or(Contained::All))
    }

    /// What the first of some columns whose name is known contains; and the name that a person would look for where none is.
    fn first_known<R: Read>(
        &mut self,
        cells: &Cells<R>,
        columns: &[Column],
    ) -> std::result::Result<(Option<Contained>, Option<String>), Fault> {
        let mut named: Option<String> = None;
        for column in columns {
            let Some(name) = cells.name(*column)? else { continue };
            let contained = self.contained(&name, AREAS.contains(column));
            if contained.is_some() {
                return Ok((contained, None));
            }
            if named.is_none() || *column == Column::Product {
                named = Some(name);
            }
        }
        Ok((None, named))
    }

    /// What a product, or a solution area, contains; none where nobody knows it.
    fn contained(&mut self, name: &str, is_area: bool) -> Option<Contained> {
        let remembered = if is_area { &mut self.areas } else { &mut self.products };
        if let Some(contained) = remembered.get(name) {
            return contained.clone();
        }
        let products = &self.reading.names.products;
        let contained = if is_area { products.contained_in_area(name) } else { products.contained(name) };
        remember(remembered, name.to_owned(), &contained.cloned());
        contained.cloned()
    }

    /// A certification's name in a history, where its title is known.
    fn certification_named(&mut self, title: &str, is_certification: bool) -> Option<String> {
        let key = (title.to_owned(), is_certification);
        if let Some(known) = self.certifications.get(&key) {
            return known.clone();
        }
        let known = self.reading.names.certification(title, is_certification).cloned();
        remember(&mut self.certifications, key, &known);
        known
    }
}

/// Remembers what a name means, as long as there are not too many.
fn remember<K: std::hash::Hash + Eq, V: Clone>(remembered: &mut HashMap<K, V>, name: K, meaning: &V) {
    if remembered.len() < NAMES_REMEMBERED {
        remembered.insert(name, meaning.clone());
    }
}

/// People are hashed with a key, and nobody gave one.
pub(super) fn no_person_key() -> Error {
    let error = Error::usage("the export has people, and no key to hash their ids with is given");
    error.hint("give the same key every time, with --person-key or PARTNERSCORE_PERSON_KEY")
}

fn partner<R: Read>(cells: &Cells<R>) -> std::result::Result<Partner, Fault> {
    Ok(Partner {
        partner_id: cells.id(Column::PartnerId)?,
        partner_name: cells.name(Column::PartnerName)?,
        global_partner_id: cells.optional_id(Column::GlobalPartnerId)?,
    })
}

/// The partner, the tenant and the month of a row.
fn both_of<R: Read>(cells: &Cells<R>) -> std::result::Result<(Partner, String, Month), Fault> {
    let tenant_id = cells.get(Column::TenantId, tenant_id)?;
    Ok((partner(cells)?, tenant_id, cells.month()?))
}

/// A tenant's id, a GUID in the form of histories whatever the form of the export.
fn tenant_id(text: &str) -> Value<String> {
    let tenant_id = values::tenant_id(text)?;
    match ids::normalised(&tenant_id) {
        std::borrow::Cow::Borrowed(_) => Ok(tenant_id),
        std::borrow::Cow::Owned(tenant_id) => values::tenant_id(&tenant_id),
    }
}
