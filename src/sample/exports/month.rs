//! A month's folder: what its reports tell of every tenant, partner and reseller.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::customer::{Customer, Subscription};
use super::dirt::Dirt;
use super::layout::{Kind, Layout};
use super::row::{Claim, Counts, Row, Style, downloaded_on};
use super::sheet::Sheet;
use super::{Exported, Plan};
use crate::month::Month;
use crate::sample::bookings::{self, Association, Booking};
use crate::sample::calendar;
use crate::sample::draw::hash;
use crate::sample::tenants::Tenant;
use crate::sample::{Advance, advance_at};

/// Writes the folder of a month.
pub(super) fn write(plan: &Plan, month: i32, out: &Path, advance: Advance) -> io::Result<Exported> {
    let Some(mut folder) = Folder::new(plan, month) else { return Ok(Exported::default()) };
    let mut rows = Vec::new();
    for index in 0..plan.world.tenants {
        let tenant = Tenant::new(plan.world, index);
        Booking { world: plan.world, tenant: &tenant, rows: &mut rows }.all();
        folder.tenant(&tenant, &rows)?;
        rows.clear();
        advance_at(plan.world, index, advance)?;
    }
    for account in 0..plan.accounts.all.len() {
        folder.people(account)?;
    }
    let name = folder.date.to_string();
    folder.finish(&out.join(name))
}

/// The reports of a month under way.
struct Folder<'a> {
    plan: &'a Plan<'a>,
    layout: &'a Layout,
    month: i32,
    date: Month,
    /// What the layout calls each workload, by its position.
    workloads: Vec<Option<&'a str>>,
    /// The workloads that have columns instead of rows.
    wide: Vec<usize>,
    /// By folder and kind; a report without rows is no file.
    sheets: Vec<Option<Sheet<'a>>>,
    /// Partners that a distributor's report has.
    sold: BTreeSet<usize>,
}

/// A partner's hold on a tenant.
#[derive(Clone, Copy)]
struct Hold<'a> {
    account: usize,
    association: Association,
    association_type: &'a str,
}

impl<'a> Folder<'a> {
    fn new(plan: &'a Plan<'a>, month: i32) -> Option<Self> {
        let date = plan.world.calendar.month(month);
        let layout = plan.layouts.of(date)?;
        let name = |slug: &String| layout.workloads.get(slug).map(String::as_str);
        let columns = layout.reports.get(&Kind::EmsUsage).into_iter().flat_map(|report| &report.columns);
        let wide: BTreeSet<&String> = columns.filter_map(|column| column.workload.as_ref()).collect();
        let workloads = &plan.world.workloads;
        Some(Folder {
            wide: (0..workloads.len()).filter(|position| wide.contains(&workloads[*position].name)).collect(),
            workloads: workloads.iter().map(|workload| name(&workload.name)).collect(),
            sheets: (0..plan.accounts.folders().count() * Kind::COUNT).map(|_| None).collect(),
            sold: BTreeSet::new(),
            plan,
            layout,
            month,
            date,
        })
    }

    /// The sheet of a folder and kind, begun where it is new; none of a kind that the layout lacks.
    fn push(&mut self, folder: usize, kind: Kind, row: &Row) -> io::Result<()> {
        let Some(report) = self.layout.reports.get(&kind) else { return Ok(()) };
        let position = folder * Kind::COUNT + kind as usize;
        let Some(place) = self.sheets.get_mut(position) else { return Ok(()) };
        if place.is_none() {
            let world = self.plan.world;
            let dirt = world.dirty.then(|| Dirt::new(world.seed, self.month, position));
            let (grouped, capitals) = dirt.as_ref().map_or((false, false), |dirt| (dirt.grouped, dirt.capitals));
            let style = Style { plan: self.plan, layout: self.layout, grouped, capitals };
            *place = Some(Sheet::new(report, style, dirt)?);
        }
        place.as_mut().map_or(Ok(()), |sheet| sheet.push(row))
    }

    /// A row that says nothing but whose it is.
    fn row(&self, account: usize, partner: usize) -> Row<'a> {
        Row {
            account: &self.plan.accounts.all[account],
            partner,
            month: self.date,
            customer: None,
            association_type: "",
            duplicate: false,
            workload: "",
            counts: Counts::default(),
            by_workload: &[],
            claim: None,
            subscription: None,
            certificate: None,
            distributor: "",
            spoiled: &[],
        }
    }

    /// Everything that the month's reports tell of a tenant: a tenant is told of where somebody holds it on the month's last day.
    fn tenant(&mut self, tenant: &Tenant, associations: &[Association]) -> io::Result<()> {
        let holds = self.holds(associations);
        if holds.is_empty() {
            return Ok(());
        }
        let customer = Customer::new(self.plan.world, tenant);
        self.usage(tenant, &customer, &holds)?;
        self.claims(tenant, &customer, &holds)?;
        self.subscriptions(tenant, &customer, &holds)?;
        self.customers(tenant, &customer, &holds)
    }

    fn holds(&self, associations: &[Association]) -> Vec<Hold<'a>> {
        let last_day = self.plan.world.calendar.last_day(self.month);
        let mut holds: Vec<Hold> = Vec::new();
        for association in associations {
            let term = association.term;
            let holds_then = term.start <= last_day && term.end.is_none_or(|end| end >= last_day);
            let account = self.plan.accounts.of(association.partner);
            let name = self.layout.association_types.get(association.kind.name());
            let (true, Some(account), Some(name)) = (holds_then, account, name) else { continue };
            if !holds.iter().any(|hold| hold.association == *association) {
                holds.push(Hold { account, association: *association, association_type: name });
            }
        }
        holds
    }

    /// Seats and users, workload by workload, once for each partner and type that the tenant is seen through.
    fn usage(&mut self, tenant: &Tenant, customer: &Customer, holds: &[Hold<'a>]) -> io::Result<()> {
        if !tenant.is_present(self.month) {
            return Ok(());
        }
        for workload in 0..self.workloads.len() {
            let (Some(name), true) = (self.workloads[workload], tenant.uses(self.plan.world, workload)) else {
                continue;
            };
            if self.wide.contains(&workload) {
                continue;
            }
            let counts = self.counts(tenant, workload);
            let mut told: Vec<(usize, usize, &str)> = Vec::new();
            for hold in holds.iter().filter(|hold| covers(&hold.association, workload)) {
                let key = (hold.account, hold.association.partner, hold.association_type);
                if told.contains(&key) {
                    continue;
                }
                // Another location of the account has the row already.
                let duplicate = told.iter().any(|(account, partner, _)| *account == key.0 && *partner != key.1);
                told.push(key);
                let row = Row { customer: Some(customer), workload: name, counts, duplicate, ..self.held(hold) };
                self.push(hold.account, Kind::OfficeUsage, &row)?;
            }
        }
        self.wide_usage(tenant, customer, holds)
    }

    /// Workloads that have columns: a row for each subscription.
    fn wide_usage(&mut self, tenant: &Tenant, customer: &Customer, holds: &[Hold<'a>]) -> io::Result<()> {
        let world = self.plan.world;
        let used: Vec<usize> = self.wide.iter().copied().filter(|workload| tenant.uses(world, *workload)).collect();
        let mut told: Vec<(usize, &str)> = Vec::new();
        for hold in holds.iter().filter(|hold| used.iter().any(|workload| covers(&hold.association, *workload))) {
            let key = (hold.association.partner, hold.association_type);
            if told.contains(&key) {
                continue;
            }
            told.push(key);
            for position in 0..customer.subscriptions.len() {
                let share = |workload: &usize| {
                    let counts = self.counts(tenant, *workload);
                    (world.workloads[*workload].name.as_str(), part(counts, position, customer.subscriptions.len()))
                };
                let by_workload: Vec<(&str, Counts)> = used.iter().map(share).collect();
                let row = Row {
                    customer: Some(customer),
                    counts: by_workload.first().map(|(_, counts)| *counts).unwrap_or_default(),
                    by_workload: &by_workload,
                    subscription: customer.subscriptions.get(position),
                    ..self.held(hold)
                };
                self.push(hold.account, Kind::EmsUsage, &row)?;
            }
        }
        Ok(())
    }

    /// Claims, each with its date, whether anything is used under them or not.
    fn claims(&mut self, tenant: &Tenant, customer: &Customer, holds: &[Hold<'a>]) -> io::Result<()> {
        let claimed = holds.iter().filter(|hold| hold.association.kind == bookings::Kind::Cpor);
        for hold in claimed {
            for workload in 0..self.workloads.len() {
                let used = tenant.uses(self.plan.world, workload) && covers(&hold.association, workload);
                let (Some(name), true) = (self.workloads[workload], used) else { continue };
                let associated_on = hold.association.term.start;
                let partner = hash(tenant.key, hold.association.partner as u64);
                let id = hash(partner, workload as u64 ^ u64::from(associated_on.unsigned_abs())) % 100_000_000;
                let counts =
                    if tenant.is_present(self.month) { self.counts(tenant, workload) } else { Counts::default() };
                let claim = Some(Claim { id, associated_on });
                let row = Row { customer: Some(customer), workload: name, counts, claim, ..self.held(hold) };
                self.push(hold.account, Kind::CporUsage, &row)?;
            }
        }
        Ok(())
    }

    /// What is resold, in the reseller's own report and in its distributor's.
    fn subscriptions(&mut self, tenant: &Tenant, customer: &Customer, holds: &[Hold<'a>]) -> io::Result<()> {
        use bookings::Kind::{CspTier1, CspTier2};
        let counts = self.counts(tenant, tenant.main);
        for hold in distinct(holds).filter(|hold| matches!(hold.association.kind, CspTier1 | CspTier2)) {
            let subscription = customer.subscriptions.first();
            let row = Row { customer: Some(customer), counts, subscription, ..self.held(hold) };
            self.push(hold.account, Kind::SeatsSubscriptions, &row)?;
            if hold.association.kind == CspTier2 {
                self.reseller(&row)?;
            }
        }
        Ok(())
    }

    fn reseller(&mut self, row: &Row) -> io::Result<()> {
        let profile = &self.plan.profiles[row.partner];
        let Some(folder) = self.plan.accounts.distributor(profile) else { return Ok(()) };
        self.sold.insert(row.partner);
        let distributor = profile.distributor.as_deref().unwrap_or_default();
        self.push(folder, Kind::ResellerPerformance, &Row { distributor, ..*row })
    }

    /// Every customer, through whatever it is served.
    fn customers(&mut self, tenant: &Tenant, customer: &Customer, holds: &[Hold<'a>]) -> io::Result<()> {
        let counts = self.counts(tenant, tenant.main);
        for hold in distinct(holds) {
            let others = holds.iter().take_while(|other| other.association != hold.association);
            let mut others = others.filter(|other| other.account == hold.account);
            let duplicate = others.any(|other| other.association.partner != hold.association.partner);
            let subscription: Option<&Subscription> = customer.subscriptions.first();
            let row = Row { customer: Some(customer), counts, duplicate, subscription, ..self.held(hold) };
            self.push(hold.account, Kind::CustomersTenants, &row)?;
        }
        Ok(())
    }

    /// What an account's reports tell of its locations and people, and distributors' of resellers that sold nothing.
    fn people(&mut self, account: usize) -> io::Result<()> {
        let plan = self.plan;
        let downloaded = calendar::since_1970(downloaded_on(self.date));
        for partner in plan.accounts.all[account].partners.iter().copied() {
            let row = self.row(account, partner);
            self.push(account, Kind::Profile, &row)?;
            if !self.sold.contains(&partner) {
                self.reseller(&row)?;
            }
            for certificate in plan.certificates[partner].iter().filter(|one| one.earned_on <= downloaded) {
                let title = self.layout.certifications.get(certificate.certification);
                let certificate = title.map(|title| (certificate, title.as_str()));
                if certificate.is_some() {
                    self.push(account, Kind::TrainingCompletions, &Row { certificate, ..row })?;
                }
            }
        }
        Ok(())
    }

    fn held(&self, hold: &Hold<'a>) -> Row<'a> {
        Row { association_type: hold.association_type, ..self.row(hold.account, hold.association.partner) }
    }

    fn counts(&self, tenant: &Tenant, workload: usize) -> Counts {
        let world = self.plan.world;
        let paid_seats = tenant.paid_seats(world, workload, self.month);
        Counts { paid_seats, active_users: tenant.active_users(world, workload, self.month, paid_seats) }
    }

    fn finish(self, out: &Path) -> io::Result<Exported> {
        let mut exported = Exported::default();
        let mut sheets = self.sheets.into_iter();
        for name in self.plan.accounts.folders() {
            let folder = out.join(name);
            fs::create_dir_all(&folder)?;
            for sheet in sheets.by_ref().take(Kind::COUNT).flatten() {
                exported = super::add(exported, sheet.finish(&folder)?);
            }
        }
        Ok(exported)
    }
}

/// Whether an association is of a workload.
fn covers(association: &Association, workload: usize) -> bool {
    association.workload.is_none_or(|only| only == workload)
}

/// The first of the holds of each partner and type.
fn distinct<'a, 'b>(holds: &'b [Hold<'a>]) -> impl Iterator<Item = &'b Hold<'a>> {
    let key = |hold: &Hold<'a>| (hold.association.partner, hold.association.kind);
    holds
        .iter()
        .enumerate()
        .filter(move |(at, hold)| !holds[..*at].iter().any(|other| key(other) == key(hold)))
        .map(|(_, hold)| hold)
}

/// A subscription's part of the counts: half each of two, the odd one in the first.
fn part(counts: Counts, position: usize, of: usize) -> Counts {
    let share = |count: i64| {
        let rest = count - count / of as i64 * (of as i64 - 1);
        if position == 0 { rest } else { count / of as i64 }
    };
    Counts { paid_seats: share(counts.paid_seats), active_users: share(counts.active_users) }
}
