//! Columns that make room for each other: where the screen is narrow the least important go.

use super::text;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Columns of the screen, without the space before it.
    pub(super) width: usize,
    /// The lightest goes first.
    pub(super) weight: u8,
    /// Words stand at the left, numbers at the right.
    pub(super) is_word: bool,
}

impl Column {
    /// A column of numbers.
    pub(super) const fn number(name: &'static str, width: usize, weight: u8) -> Self {
        Self {
            name,
            width,
            weight,
            is_word: false,
        }
    }

    /// A column of words.
    pub(super) const fn word(name: &'static str, width: usize, weight: u8) -> Self {
        Self {
            name,
            width,
            weight,
            is_word: true,
        }
    }

    /// A text in exactly the column's width, with a space before it.
    pub(super) fn cell(&self, value: &str) -> String {
        let fitted = if self.is_word {
            text::fit(value, self.width)
        } else {
            text::fit_right(value, self.width)
        };
        format!(" {fitted}")
    }
}

/// The columns that have room, as places in `columns`, in their order.
pub(super) fn fitting(columns: &[Column], room: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let taken = |kept: &[usize]| kept.iter().map(|at| columns[*at].width + 1).sum::<usize>();
    while taken(&kept) > room && kept.len() > 1 {
        let lightest = (0..kept.len()).min_by_key(|place| columns[kept[*place]].weight);
        kept.remove(lightest.unwrap_or(0));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_columns_go_and_the_others_keep_their_order() {
        let columns = [
            Column::word("API", 9, 9),
            Column::number("CANC", 5, 1),
            Column::number("p90", 5, 2),
            Column::number("p99", 5, 8),
        ];
        assert_eq!(fitting(&columns, 28), [0, 1, 2, 3]);
        assert_eq!(fitting(&columns, 27), [0, 2, 3]);
        assert_eq!(fitting(&columns, 16), [0, 3]);
        assert_eq!(fitting(&columns, 0), [0], "one always stays");
        assert_eq!(columns[0].cell("推送节点-7"), " 推送节点…");
        assert_eq!(columns[3].cell("88"), "    88");
    }
}
