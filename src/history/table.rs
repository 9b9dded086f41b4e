//! A table of the history: its columns, and a scan that brings every file to the same types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::datatypes::DataType as ArrowType;
use chrono::NaiveDate;
use polars::prelude::*;

use super::checks::{COPIED_FILE, FILE_NOT_READ, Findings};
use super::files::{File, Root, TableFiles};
use super::footer::{self, Footer, unreadable};
use super::identity;
use super::integrity;
use super::listing;
use super::narrowed::Narrowed;
use super::source::Part;
use super::stored::Stored;
use super::texts;
use crate::engine::{self, Flow};
use crate::error::{Code, Error, Result, nearest};
use crate::month::Month;

/// Where a field names the extension type that its values are of.
const EXTENSION: &str = "ARROW:extension:name";

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Date,
    Count,
}

impl Kind {
    /// What it is called in errors.
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Date => "a date without time",
            Kind::Count => "an integer",
        }
    }
}

/// One column that is read.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether the column may be missing altogether, which means null.
    pub optional: bool,
}

impl Column {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Column { name, kind, optional: false }
    }

    pub(super) const fn optional(name: &'static str, kind: Kind) -> Self {
        Column { name, kind, optional: true }
    }

    /// Refuses a table that lacks this optional column and has another of nearly its name: its values would be taken for null.
    ///
    /// # Errors
    /// Refused, with both names.
    pub(super) fn require_no_near_name<'a>(
        &self,
        table: &str,
        columns: &[Column],
        names: impl Iterator<Item = &'a str>,
    ) -> Result<()> {
        let mut others = names.filter(|name| columns.iter().all(|column| column.name != *name));
        match others.find(|name| are_near(name, self.name)) {
            Some(near) => Err(Error::refused(format!(
                "table `{table}` has a column `{near}` and no optional column `{}`, which it resembles",
                self.name
            ))
            .hint(format!(
                "rename `{near}` to `{}`; where it is another column, give it a name that differs more",
                self.name
            ))),
            None => Ok(()),
        }
    }

    fn dtype(&self) -> DataType {
        match self.kind {
            Kind::Text => DataType::String,
            Kind::Date => DataType::Date,
            Kind::Count => DataType::Int64,
        }
    }
}

/// A table's name, columns and files.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub files: Vec<File>,
    /// Names of files beside them that are not read.
    not_read: Vec<String>,
    footers: Mutex<BTreeMap<String, Footer>>,
    /// Names of the files whose pages were checked.
    checked: Mutex<BTreeSet<String>>,
    /// Where each file with extra columns is read.
    narrowed: Mutex<Narrowed>,
    /// What brings the files here, where they lie on an object store.
    stored: Option<Arc<Stored>>,
    /// The rows, where they are in memory and not in files.
    held: Option<Vec<Held>>,
}

/// Rows in memory.
#[derive(Debug)]
struct Held {
    /// The month that all of them are dated in, where they were told apart by it.
    month: Option<Month>,
    rows: DataFrame,
}

/// Where the values of a column come from in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// The file, with values of this type.
    Stored(String),
    /// The folder's name.
    Hive(Option<String>),
    /// Nowhere: null.
    Absent,
}

impl Table {
    pub(super) fn open(root: &Root, name: &'static str, columns: &'static [Column]) -> Result<Table> {
        let TableFiles { files, not_read } = root.table_files(name)?;
        Ok(Table { not_read, ..Table::with(name, columns, files, root.stored(), None) })
    }

    /// A table that was given by itself.
    ///
    /// # Errors
    /// Refused where a column is missing or cannot be read as what it holds; absent where a file is not there.
    pub(super) fn of(name: &'static str, columns: &'static [Column], part: Part) -> Result<Table> {
        let listed = match part {
            Part::Held(rows) => return Table::held(name, columns, rows),
            Part::Listed(listed) => listed,
        };
        let (files, stored) = listed.open(name)?;
        Ok(Table::with(name, columns, files, stored, None))
    }

    /// A table whose rows are in memory.
    ///
    /// # Errors
    /// Refused where a column is missing or cannot be read as what it holds.
    fn held(name: &'static str, columns: &'static [Column], rows: DataFrame) -> Result<Table> {
        let names: Vec<String> = rows.get_column_names().iter().map(|name| name.to_string()).collect();
        let selected = columns.iter().map(|column| match rows.column(column.name) {
            Ok(given) if *given.dtype() == DataType::UInt64 => Ok(no_larger_than_signed(column)),
            Ok(_) => Ok(col(column.name).strict_cast(column.dtype())),
            Err(_) if column.optional => column
                .require_no_near_name(name, columns, names.iter().map(String::as_str))
                .map(|()| lit(NULL).cast(column.dtype()).alias(column.name))
                .map_err(|error| error.at(format!("table {name}"))),
            Err(_) => Err(Error::refused(format!("table `{name}` lacks column `{}`", column.name))
                .at(format!("table {name}"))
                .hint(format!("it has: {}", names.join(", ")))),
        });
        let selected = selected.collect::<Result<Vec<_>>>()?;
        let rows = engine::collect("tables", rows.lazy().select(selected))?;
        let held = vec![Held { month: None, rows }];
        Ok(Table::with(name, columns, Vec::new(), None, Some(held)))
    }

    fn with(
        name: &'static str,
        columns: &'static [Column],
        files: Vec<File>,
        stored: Option<Arc<Stored>>,
        held: Option<Vec<Held>>,
    ) -> Table {
        let (not_read, footers, checked) = (Vec::new(), Mutex::default(), Mutex::default());
        Table { name, columns, files, not_read, footers, checked, narrowed: Mutex::default(), stored, held }
    }

    /// Tells rows in memory apart by the month of a date, once for every month that is going to be looked at.
    pub(super) fn by_month(mut self, date: &str) -> Result<Table> {
        if !self.is_held() {
            return Ok(self);
        }
        let failed = |error: PolarsError| Error::internal(error.to_string());
        let mut parts = Vec::new();
        for held in self.held.iter().flatten() {
            let days = engine::column(&held.rows, date)?;
            let days = days.date().map_err(failed)?;
            let mut rows_of: BTreeMap<Option<Month>, Vec<IdxSize>> = BTreeMap::new();
            let (mut last, mut month) = (None, None);
            for (row, day) in (0..).zip(days.physical().iter()) {
                // Rows of a month tend to stand together.
                if day != last {
                    (last, month) = (day, day.and_then(month_of));
                }
                rows_of.entry(month).or_default().push(row);
            }
            for (month, rows) in rows_of {
                parts
                    .push(Held { month, rows: held.rows.take(&IdxCa::from_vec("rows".into(), rows)).map_err(failed)? });
            }
        }
        self.held = Some(parts);
        Ok(self)
    }

    /// Warns of files beside those that are read, and of files that are copies of another.
    ///
    /// # Errors
    /// Those of reading a footer.
    pub(super) fn check_files(&self) -> Result<Findings> {
        let mut findings = Findings::default();
        self.not_read.iter().for_each(|name| findings.warn(FILE_NOT_READ, name, 1));
        let names: Vec<String> = self.files.iter().map(|file| file.name.clone()).collect();
        for (original, copy) in listing::copies(&names) {
            let file = |name: &str| self.files.iter().find(|file| file.name == name);
            let (Some(one), Some(other)) = (file(original), file(copy)) else { continue };
            self.bring(&[one, other])?;
            if footer::have_same_rows(one, other)? {
                findings.warn(COPIED_FILE, format!("{copy} repeats {original}"), 1);
            }
        }
        Ok(findings)
    }

    /// Whether it has no row.
    ///
    /// # Errors
    /// Those of reading a footer.
    pub(super) fn is_empty(&self) -> Result<bool> {
        if let Some(held) = &self.held {
            return Ok(held.iter().all(|held| held.rows.height() == 0));
        }
        for file in &self.files {
            if self.footer(file)?.rows > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether its rows are in memory.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether one store brings the files of both.
    pub(super) fn shares_store(&self, other: &Table) -> bool {
        match (&self.stored, &other.stored) {
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (None, None) => true,
            _ => false,
        }
    }

    /// Has files on this machine, all that are missing brought at once.
    ///
    /// # Errors
    /// Storage where they lie on an object store and access fails.
    pub(super) fn bring(&self, files: &[&File]) -> Result<()> {
        self.stored.as_ref().map_or(Ok(()), |stored| stored.bring(files))
    }

    /// A file's footer, read once.
    pub fn footer(&self, file: &File) -> Result<Footer> {
        let mut footers = self.footers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(footer) = footers.get(&file.name) {
            return Ok(footer.clone());
        }
        self.bring(&[file])?;
        let footer =
            Footer::read(file).map_err(|error| identity::require_unchanged(file, None).err().unwrap_or(error))?;
        self.refuse_encrypted(file, &footer)?;
        integrity::check_footer(file, &footer, self.columns)?;
        footers.insert(file.name.clone(), footer.clone());
        Ok(footer)
    }

    /// The files that were opened so far, with their footers.
    pub fn opened(&self) -> Vec<(&File, Footer)> {
        let footers = self.footers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.files.iter().filter_map(|file| Some((file, footers.get(&file.name)?.clone()))).collect()
    }

    /// Fails where a file is not the version that was listed.
    ///
    /// # Errors
    /// Refused where it changed or was removed; storage where the system does not describe it.
    pub(super) fn require_unchanged(&self, file: &File) -> Result<()> {
        let footers = self.footers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        identity::require_unchanged(file, footers.get(&file.name).map(|footer| footer.hash.as_str()))
    }

    /// The error that names an opened file that changed, where the given error may come of that.
    fn changed(&self, error: &Error) -> Option<Error> {
        let may_come_of_change = matches!(error.code, Code::Refused | Code::Storage | Code::Internal);
        let opened = if may_come_of_change { self.opened() } else { Vec::new() };
        opened.into_iter().find_map(|(file, _)| self.require_unchanged(file).err())
    }

    fn refuse_encrypted(&self, file: &File, footer: &Footer) -> Result<()> {
        let is_read = |name: &String| self.columns.iter().any(|column| column.name == name);
        match footer.encrypted.iter().any(is_read) {
            true => Err(integrity::encrypted(file, &footer.encrypted)),
            false => Ok(()),
        }
    }

    /// Checks the pages of files that were not checked before: checksums where there are any, and that they are what footers say.
    fn check_pages(&self, files: &[&File]) -> Result<()> {
        let checked = || self.checked.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let unchecked: Vec<&File> = files.iter().copied().filter(|file| !checked().contains(&file.name)).collect();
        if unchecked.is_empty() {
            return Ok(());
        }
        let files = self.with_footers(&unchecked)?;
        engine::stage("checksums", || integrity::check_pages(&files, self.columns))?;
        checked().extend(unchecked.iter().map(|file| file.name.clone()));
        Ok(())
    }

    /// Decodes every file a second time, with another reader, and compares values with statistics.
    ///
    /// # Errors
    /// Refused where a file is damaged; storage where access fails.
    pub(super) fn check_values(&self) -> Result<()> {
        let files: Vec<&File> = self.files.iter().collect();
        // These say more of a damage than a reader of values does.
        self.check_pages(&files)?;
        let files = self.with_footers(&files)?;
        engine::stage("second reader", || integrity::check_values(&files, self.columns))
    }

    fn with_footers<'a>(&self, files: &[&'a File]) -> Result<Vec<(&'a File, Footer)>> {
        files.iter().map(|file| Ok((*file, self.footer(file)?))).collect()
    }

    /// Names the opened file that changed or else the first one that cannot be decoded, where that is what an error is about.
    pub(super) fn place(&self, error: Error) -> Error {
        if let Some(changed) = self.changed(&error) {
            return changed;
        }
        if !matches!(error.code, Code::Refused | Code::Internal) || error.place.is_some() {
            return error;
        }
        let opened = self.opened();
        let cause = |found: Error| Error { what: format!("{} ({})", found.what, error.what), ..found };
        match integrity::check_values(&opened, self.columns) {
            Err(found) if found.code == Code::Refused => return cause(found),
            _ => {}
        }
        // What the second reader decodes, the engine may not.
        let failing: Vec<&File> =
            opened.iter().map(|(file, _)| *file).filter(|file| self.decodes(file).is_err()).collect();
        match failing.first() {
            // An engine that cannot decode any of several files has another trouble.
            Some(file) if failing.len() < opened.len() || error.code == Code::Refused => {
                cause(unreadable(file, "it cannot be decoded"))
            }
            _ => error,
        }
    }

    fn decodes(&self, file: &File) -> Result<()> {
        let scan = self.scan(&[file], None)?;
        engine::fold("damaged file", scan, (), |(), _| Ok(Flow::Continue(())))
    }

    /// The rows of the given files as the table's columns, in one plan; `keep` becomes part of each file's scan.
    ///
    /// Files that store their columns alike are scanned together. Extra columns are ignored, missing optional ones are null,
    /// hive keys become columns, and integers of any width come out as Int64.
    ///
    /// # Errors
    /// Refused where a column is missing or of a wrong type, or a file is unreadable.
    pub fn scan(&self, files: &[&File], keep: Option<&Expr>) -> Result<LazyFrame> {
        if self.held.is_some() {
            return self.scan_held(|_| true, keep);
        }
        self.bring(files)?;
        self.check_pages(files)?;
        let mut groups: BTreeMap<Vec<Origin>, Vec<&File>> = BTreeMap::new();
        for file in files {
            groups.entry(self.origins(file)?).or_default().push(file);
        }
        let scans =
            groups.iter().map(|(origins, files)| self.scan_alike(origins, files, keep)).collect::<Result<Vec<_>>>()?;
        match scans.len() {
            0 => Ok(self.empty()),
            1 => Ok(scans.into_iter().next().unwrap_or_else(|| self.empty())),
            _ => concat(scans, UnionArgs { rechunk: false, parallel: true, ..Default::default() })
                .map_err(|error| self.failed(&error)),
        }
    }

    /// Rows in memory of the months that are wanted; those that belong to no month, or were not told apart, have none.
    pub(super) fn scan_held(&self, wanted: impl Fn(Option<Month>) -> bool, keep: Option<&Expr>) -> Result<LazyFrame> {
        let parts = self.held.iter().flatten().filter(|held| wanted(held.month)).map(|held| held.rows.clone().lazy());
        let parts: Vec<LazyFrame> =
            parts.map(|rows| keep.map_or(rows.clone(), |keep| rows.filter(keep.clone()))).collect();
        match parts.len() {
            0 => Ok(self.empty()),
            _ => concat(parts, UnionArgs { rechunk: false, parallel: true, ..Default::default() })
                .map_err(|error| self.failed(&error)),
        }
    }

    /// No row, with the table's columns.
    fn empty(&self) -> LazyFrame {
        let schema: Schema = self.columns.iter().map(|column| Field::new(column.name.into(), column.dtype())).collect();
        DataFrame::empty_with_schema(&schema).lazy()
    }

    fn origins(&self, file: &File) -> Result<Vec<Origin>> {
        let footer = self.footer(file)?;
        self.columns.iter().map(|column| self.origin(column, file, &footer)).collect()
    }

    fn origin(&self, column: &Column, file: &File, footer: &Footer) -> Result<Origin> {
        if let Some(value) = file.hive.get(column.name) {
            return Ok(Origin::Hive(value.clone()));
        }
        let namesakes = footer.schema.fields().iter().filter(|field| field.name() == column.name).count();
        if namesakes > 1 {
            let what = format!("table `{}` has column `{}` {namesakes} times in one file", self.name, column.name);
            return Err(Error::refused(what).at(&file.place).hint("write the file with each column once"));
        }
        if let Some(why) = footer.untyped.get(column.name) {
            return Err(self.wrong_type(column, file, &format!("of a type that cannot be read ({why})")));
        }
        let Ok(field) = footer.schema.field_with_name(column.name) else {
            return if column.optional {
                self.absent(column, file, footer)
            } else {
                Err(self.missing_column(column, file, footer))
            };
        };
        if let Some(extension) = field.metadata().get(EXTENSION) {
            return Err(self.wrong_type(column, file, extension));
        }
        match field.data_type() {
            ArrowType::Null => Ok(Origin::Absent),
            stored if fits(column.kind, stored) => Ok(Origin::Stored(stored.to_string())),
            stored => Err(self.wrong_type(column, file, &stored.to_string())),
        }
    }

    /// Null in the place of an optional column, unless a column of nearly its name is there.
    fn absent(&self, column: &Column, file: &File, footer: &Footer) -> Result<Origin> {
        let names = names_of(file, footer);
        let checked = column.require_no_near_name(self.name, self.columns, names.iter().copied());
        checked.map(|()| Origin::Absent).map_err(|error| error.at(&file.place))
    }

    fn missing_column(&self, column: &Column, file: &File, footer: &Footer) -> Error {
        let names = names_of(file, footer);
        // A column that is wanted under its own name is not the one that is missing.
        let others = names.iter().copied().filter(|name| self.columns.iter().all(|wanted| wanted.name != *name));
        let alike = others.clone().find(|name| are_near(name, column.name));
        let hint = match alike.or_else(|| nearest(column.name, others)) {
            Some(name) => format!("there is `{name}`; rename it to `{}`", column.name),
            None if column.kind == Kind::Date => format!(
                "the file has: {}; a folder above it may give the column, named like {}=2026-10-01",
                names.join(", "),
                column.name
            ),
            None => format!("the file has: {}", names.join(", ")),
        };
        Error::refused(format!("table `{}` lacks column `{}`", self.name, column.name)).at(&file.place).hint(hint)
    }

    fn wrong_type(&self, column: &Column, file: &File, stored: &str) -> Error {
        let wanted = column.kind.words();
        Error::refused(format!("column `{}` of table `{}` is {stored}, and must be {wanted}", column.name, self.name))
            .at(&file.place)
            .hint("cast the column where the file is written")
    }

    fn scan_alike(&self, origins: &[Origin], files: &[&File], keep: Option<&Expr>) -> Result<LazyFrame> {
        let paths = files.iter().map(|file| self.place_of(file, origins)).collect::<Result<Vec<_>>>()?;
        let paths: Vec<PlRefPath> = paths.iter().map(|path| PlRefPath::new(path.to_string_lossy())).collect();
        let arguments = UnifiedScanArgs {
            glob: false,
            hive_options: HiveOptions::new_disabled(),
            extra_columns_policy: ExtraColumnsPolicy::Ignore,
            // Columns that are read were found in every footer; only columns that are not may be missing from some files.
            missing_columns_policy: MissingColumnsPolicy::Insert,
            ..Default::default()
        };
        let scan = DslBuilder::scan_parquet(ScanSources::Paths(paths.into()), ParquetOptions::default(), arguments);
        let mut lf = LazyFrame::from(scan.map_err(|error| self.failed(&error))?.build());
        let columns = || self.columns.iter().zip(origins);
        lf = lf.with_columns(
            columns()
                .map(|(column, origin)| self.computed(column, origin, files))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
        );
        if let Some(keep) = keep {
            lf = lf.filter(keep.clone());
        }
        Ok(lf.select(columns().map(|(column, origin)| typed(column, origin)).collect::<Vec<_>>()))
    }

    /// Where the engine reads a file: a copy of the columns that are read, where it has no type for others.
    fn place_of(&self, file: &File, origins: &[Origin]) -> Result<PathBuf> {
        let stored = self.columns.iter().zip(origins).filter(|(_, origin)| matches!(origin, Origin::Stored(_)));
        let stored: Vec<&str> = stored.map(|(column, _)| column.name).collect();
        if !self.footer(file)?.has_others_than(&stored) {
            return Ok(file.path.clone());
        }
        let mut narrowed = self.narrowed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match narrowed.known(file) {
            Some(place) => Ok(place),
            None if engine::has_types_of(&file.path) => Ok(narrowed.as_it_is(file)),
            None => narrowed.copy(file, &stored),
        }
    }

    /// The text columns among some in which a row, of those that `keep` keeps, holds a blank text. Nothing is read where statistics of all files prove
    /// that none does.
    ///
    /// # Errors
    /// Those of [`scan`](Table::scan).
    pub(super) fn blank_columns(&self, names: &[&'static str], keep: Option<&Expr>) -> Result<BTreeSet<&'static str>> {
        let files: Vec<&File> = self.files.iter().collect();
        let footers = files.iter().map(|file| self.footer(file)).collect::<Result<Vec<_>>>()?;
        let unproven = |name: &&str| {
            let stored = footers.iter().zip(&files).all(|(footer, file)| {
                let elsewhere = file.hive.contains_key(*name) || footer.lacks(name);
                elsewhere || footer.has_no_blank(name)
            });
            self.is_held() || !stored
        };
        let unproven: Vec<&'static str> = names.iter().copied().filter(unproven).collect();
        let Some(may_be_blank) = unproven.iter().map(|name| texts::may_be_blank(name)).reduce(Expr::or) else {
            return Ok(BTreeSet::new());
        };
        let wanted: Vec<Expr> = unproven.iter().map(|name| col(*name)).collect();
        let rows = engine::collect("blank texts", self.scan(&files, keep)?.filter(may_be_blank).select(wanted))?;
        Ok(unproven.into_iter().filter(|name| texts::any_blank(&rows, name)).collect())
    }

    /// The literal of a column that the files do not store.
    fn computed(&self, column: &Column, origin: &Origin, files: &[&File]) -> Result<Option<Expr>> {
        let value = match origin {
            Origin::Stored(_) => return Ok(None),
            Origin::Absent | Origin::Hive(None) => lit(NULL).cast(column.dtype()),
            Origin::Hive(Some(value)) => self.hive_literal(column, value, files)?,
        };
        Ok(Some(value.alias(column.name)))
    }

    fn hive_literal(&self, column: &Column, value: &str, files: &[&File]) -> Result<Expr> {
        let literal = match column.kind {
            Kind::Text => Some(lit(value)),
            Kind::Date => value.parse().ok().map(engine::day),
            Kind::Count => value.parse::<i64>().ok().map(lit),
        };
        literal.ok_or_else(|| {
            let place = files.first().map(|file| file.name.clone()).unwrap_or_default();
            let what = format!(
                "the folder `{}={value}` of table `{}` does not hold a value of that column",
                column.name, self.name
            );
            Error::refused(what).at(place).hint("name folders like month=2026-10-01")
        })
    }

    fn failed(&self, error: &PolarsError) -> Error {
        match self.files.first() {
            Some(file) => unreadable(file, &error.to_string()),
            None => Error::internal(error.to_string()),
        }
    }
}

/// The names of the columns of a file: those that it stores, and those that folders above it give.
fn names_of<'a>(file: &'a File, footer: &'a Footer) -> Vec<&'a str> {
    let stored = footer.schema.fields().iter().map(|field| field.name().as_str());
    stored.chain(file.hive.keys().map(String::as_str)).collect()
}

/// Whether two names may mean the same column: they differ only in case, punctuation, plurals or one letter.
fn are_near(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    let singular = |word: &String| word.strip_suffix('s').filter(|word| word.len() > 1).unwrap_or(word).to_owned();
    let singulars = |words: &[String]| -> String { words.iter().map(singular).collect() };
    singulars(&a) == singulars(&b) || strsim::damerau_levenshtein(&a.concat(), &b.concat()) <= 1
}

/// The words of a name in small letters: `end_date`, `End Date` and `endDate` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for letter in name.chars() {
        let begins = !last.is_alphanumeric() || (last.is_lowercase() && letter.is_uppercase());
        if begins && letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        last = letter;
    }
    words
}

/// Whether a stored type can hold a kind of column.
fn fits(kind: Kind, stored: &ArrowType) -> bool {
    match (kind, stored) {
        (Kind::Text, ArrowType::Dictionary(_, values)) => fits(Kind::Text, values),
        (Kind::Text, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View) => true,
        (Kind::Date, ArrowType::Date32) => true,
        (Kind::Count, stored) => stored.is_integer(),
        _ => false,
    }
}

/// The month of a day, counted from 1970; none where the calendar has no such day.
fn month_of(day: i32) -> Option<Month> {
    NaiveDate::from_epoch_days(day).map(Month::of)
}

/// Unsigned integers as Int64. Those that are too large for it stay too large, so that they are rejected as such.
fn no_larger_than_signed(column: &Column) -> Expr {
    let largest = lit(i64::MAX as u64);
    let value = when(col(column.name).gt(largest.clone())).then(largest).otherwise(col(column.name));
    value.cast(DataType::Int64).alias(column.name)
}

/// A column in the table's own type.
fn typed(column: &Column, origin: &Origin) -> Expr {
    match origin {
        Origin::Stored(stored) if stored == "UInt64" => no_larger_than_signed(column),
        // Types that the engine reads as the column's own; a cast would keep predicates from the scan.
        Origin::Stored(stored) if ["Int64", "Date32", "Utf8", "LargeUtf8", "Utf8View"].contains(&stored.as_str()) => {
            col(column.name)
        }
        _ => col(column.name).cast(column.dtype()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_in_form_plural_and_one_letter() {
        for (column, near) in [
            ("end_date", "EndDate"),
            ("end_date", "endDate"),
            ("end_date", "END_DATE"),
            ("end_date", "end date"),
            ("end_date", "end-date"),
            ("end_date", "enddate"),
            ("end_date", " end_date"),
            ("end_date", "end_date\u{a0}"),
            ("end_date", "\u{feff}end_date"),
            ("end_date", "\"end_date\""),
            ("end_date", "end_dates"),
            ("end_date", "ends_dates"),
            ("end_date", "end_dte"),
            ("end_date", "edn_date"),
            ("end_date", "end_date1"),
            ("expires_on", "expire_on"),
            ("expires_on", "ExpiresOn"),
            ("global_partner_id", "GlobalPartnerIDs"),
            ("global_partner_id", "global_partners_ids"),
            ("market", "Markets"),
        ] {
            assert!(are_near(near, column), "{near}");
        }
        for (column, other) in [
            ("end_date", "start_date"),
            ("end_date", "end_date_utc"),
            ("end_date", "date"),
            ("end_date", "ended_at"),
            ("expires_on", "earned_on"),
            ("expires_on", "expired"),
            ("market", "market_id"),
            ("market", "marketing"),
            ("partner_name", "partner_id"),
            ("distributor_id", "distributor_name"),
            ("distributor_id", "distributor"),
            ("market", ""),
            ("market", "__"),
        ] {
            assert!(!are_near(other, column), "{other}");
        }
    }
}
