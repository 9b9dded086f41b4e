//! Numbers with their nouns, for messages.

/// A number with its noun, such as `1 row`, `2 rows`, `3 people`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {}", noun_for(number, noun))
}

/// A change with its noun, such as `+1 person`, `-2 people`.
pub fn changed(number: i64, noun: &str) -> String {
    format!("{number:+} {}", noun_for(number.unsigned_abs(), noun))
}

/// The noun that goes with a number: `row` or `rows`.
pub fn noun_for(number: u64, noun: &str) -> String {
    match (number, noun) {
        (1, noun) => noun.to_owned(),
        (_, "person") => "people".to_owned(),
        (_, noun) => format!("{noun}s"),
    }
}

/// A part of a number of nouns, such as `1 of 3 rows`, `1 of 1 row`.
pub fn part_of(part: u64, number: u64, noun: &str) -> String {
    format!("{part} of {}", counted(number, noun))
}

/// `was` or `were`, as a number asks for.
pub fn was(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// `has` or `have`, as a number asks for.
pub fn has(number: u64) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_is_plural() {
        let rows = [0, 1, 2, 21].map(|number| counted(number, "row"));
        assert_eq!(rows, ["0 rows", "1 row", "2 rows", "21 rows"]);
        let people = [-2, -1, 0, 1, 2].map(|number| changed(number, "person"));
        assert_eq!(people, ["-2 people", "-1 person", "+0 people", "+1 person", "+2 people"]);
    }
}
