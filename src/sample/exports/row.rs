//! A row of a report, and what of it stands in a column.

use std::fmt::Write;

use chrono::{NaiveDate, NaiveTime};

use super::Plan;
use super::accounts::Account;
use super::customer::{Customer, Subscription};
use super::layout::{Column, Holds, Layout};
use crate::month::Month;
use crate::sample::calendar;
use crate::sample::certifications::Certificate;
use crate::sample::draw::hash;
use crate::sample::portfolio;

/// Seats and users.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) paid_seats: i64,
    pub(super) active_users: i64,
}

/// A claim on a workload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: u64,
    /// In days since 1970.
    pub(super) associated_on: i32,
}

/// Cells that a row has other than it should.
pub(super) type Spoiled = &'static [(Holds, &'static str)];

/// What a row tells; a report takes what it has columns for.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) account: &'a Account,
    pub(super) partner: usize,
    pub(super) month: Month,
    pub(super) customer: Option<&'a Customer>,
    pub(super) association_type: &'a str,
    pub(super) duplicate: bool,
    pub(super) workload: &'a str,
    pub(super) counts: Counts,
    /// By slug, where a row tells of several workloads.
    pub(super) by_workload: &'a [(&'a str, Counts)],
    pub(super) claim: Option<Claim>,
    pub(super) subscription: Option<&'a Subscription>,
    pub(super) certificate: Option<(&'a Certificate<'a>, &'a str)>,
    pub(super) distributor: &'a str,
    pub(super) spoiled: Spoiled,
}

/// How cells are written in a file.
pub(super) struct Style<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) layout: &'a Layout,
    /// Whether large counts have thousands separators, and tenant ids stand in braces, in capitals.
    pub(super) grouped: bool,
    pub(super) capitals: bool,
}

impl Row<'_> {
    /// Appends what a column's cell has.
    pub(super) fn cell(&self, column: &Column, style: &Style, text: &mut String) {
        let Some(holds) = column.holds else { return text.push_str(&column.text) };
        if let Some((_, spoiled)) = self.spoiled.iter().find(|(cell, _)| *cell == holds) {
            return text.push_str(spoiled);
        }
        let counts = match &column.workload {
            Some(slug) => {
                self.by_workload.iter().find(|(name, _)| name == slug).map(|(_, counts)| *counts).unwrap_or_default()
            }
            None => self.counts,
        };
        match holds {
            Holds::PaidSeats | Holds::SoldSeats => style.count(counts.paid_seats, text),
            Holds::ActiveUsers | Holds::AssignedSeats => style.count(counts.active_users, text),
            Holds::Revenue => style.number(counts.paid_seats.unsigned_abs() * 12, text),
            Holds::Month => style.month(self.month, text),
            Holds::Workload => text.push_str(self.workload),
            Holds::AssociationType => text.push_str(self.association_type),
            Holds::Duplicate => text.push(if self.duplicate { '1' } else { '0' }),
            Holds::DistributorId => text.push_str(self.distributor),
            Holds::DistributorName if !self.distributor.is_empty() => {
                text.push_str("Distributor ");
                text.push_str(self.distributor);
            }
            Holds::DistributorName => {}
            _ => self.partner_cell(holds, style, text),
        }
    }

    fn partner_cell(&self, holds: Holds, style: &Style, text: &mut String) {
        let (partner, profile) =
            (&style.plan.world.portfolio.partners[self.partner], &style.plan.profiles[self.partner]);
        match holds {
            Holds::AccountId => text.push_str(&self.account.id),
            Holds::AccountName => text.push_str(self.account.name.as_deref().unwrap_or_default()),
            Holds::PartnerId => text.push_str(&partner.id),
            Holds::PartnerName => text.push_str(profile.name.as_deref().unwrap_or_default()),
            Holds::PartnerCity if matches!(partner.account, portfolio::Account::LocationOf(_)) => {
                text.push_str(profile.city());
            }
            Holds::PartnerCity => {}
            Holds::PartnerCountry => text.push_str(profile.market.unwrap_or_default()),
            Holds::HierarchyLevel => text.push_str(match partner.account {
                portfolio::Account::Itself | portfolio::Account::NamesItself => "Global",
                _ => "Location",
            }),
            _ => self.customer_cell(holds, style, text),
        }
    }

    fn customer_cell(&self, holds: Holds, style: &Style, text: &mut String) {
        let Some(customer) = self.customer else { return self.certificate_cell(holds, style, text) };
        match holds {
            Holds::TenantId if style.capitals => {
                let _ = write!(text, "{{{}}}", customer.tenant_id.to_uppercase());
            }
            Holds::TenantId => text.push_str(&customer.tenant_id),
            Holds::CustomerName => text.push_str(&customer.name),
            Holds::CustomerTopParent => style.number(customer.top_parent, text),
            Holds::CustomerMarket => text.push_str(customer.market),
            Holds::CustomerSegment => text.push_str(customer.segment),
            Holds::CustomerDomain => text.push_str(&customer.domain),
            Holds::Industry => text.push_str(customer.industry),
            Holds::Product => text.push_str(customer.product),
            _ => self.contract_cell(holds, style, text),
        }
    }

    fn contract_cell(&self, holds: Holds, style: &Style, text: &mut String) {
        match (holds, self.claim, self.subscription) {
            (Holds::ClaimId, Some(claim), _) => style.number(claim.id, text),
            (Holds::AssociatedOn, Some(claim), _) => style.day(claim.associated_on, text),
            (Holds::SubscriptionId, _, Some(subscription)) => text.push_str(&subscription.id),
            (Holds::SubscriptionState, _, Some(_)) => text.push_str("Active"),
            (Holds::SubscriptionStartsOn, _, Some(subscription)) => style.day(subscription.starts_on, text),
            (Holds::SubscriptionStartsIn, _, Some(subscription)) => style.month_of(subscription.starts_on, text),
            (Holds::SubscriptionEndsOn, _, Some(subscription)) => {
                style.day(subscription.ends_on(calendar::since_1970(self.month.first_day())), text);
            }
            _ => {}
        }
    }

    fn certificate_cell(&self, holds: Holds, style: &Style, text: &mut String) {
        let Some((certificate, title)) = self.certificate else { return };
        let downloaded = downloaded_on(self.month);
        // Obviously nobody's: who reads a history must never meet them.
        let number = certificate.person % 100_000;
        let _ = match holds {
            Holds::TrainingId => {
                let earned = certificate.earned_on.unsigned_abs().into();
                write!(text, "{:010}", hash(certificate.person ^ hash(earned, 1), title.len() as u64) % 10_000_000_000)
            }
            Holds::TrainingType => {
                text.push_str(if title.contains("Assessment") { "Assessment" } else { "Certification" });
                Ok(())
            }
            Holds::Certification => write!(text, "{title}"),
            Holds::CertificationState => {
                let over = certificate.expires_on.is_some_and(|day| day < calendar::since_1970(downloaded));
                write!(text, "{}", if over { "Expired" } else { "Active" })
            }
            Holds::Person => write!(text, "{}", certificate.person),
            Holds::FirstName => write!(text, "Person"),
            Holds::LastName => write!(text, "{number}"),
            Holds::Email => write!(text, "person{number}@example.com"),
            Holds::EarnedOn => return style.day(certificate.earned_on, text),
            Holds::ExpiresOn => return certificate.expires_on.into_iter().for_each(|day| style.day(day, text)),
            _ => Ok(()),
        };
    }
}

/// The day on which a month's reports are downloaded: its usage is complete by then.
pub(super) fn downloaded_on(month: Month) -> NaiveDate {
    month.plus(1).day(DOWNLOAD_DAY)
}

const DOWNLOAD_DAY: u32 = 23;

impl Style<'_> {
    fn number(&self, number: u64, text: &mut String) {
        let _ = write!(text, "{number}");
    }

    fn count(&self, count: i64, text: &mut String) {
        let digits = count.to_string();
        for (place, digit) in digits.char_indices() {
            let left = digits.len() - place;
            if self.grouped && place > 0 && left.is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
    }

    fn month(&self, month: Month, text: &mut String) {
        let _ = write!(text, "{}", month.first_day().and_time(NaiveTime::MIN).format(&self.layout.dates.month));
    }

    fn month_of(&self, day: i32, text: &mut String) {
        self.month(Month::of(calendar::date(day)), text);
    }

    fn day(&self, day: i32, text: &mut String) {
        let _ = write!(text, "{}", calendar::date(day).and_time(NaiveTime::MIN).format(&self.layout.dates.day));
    }
}
