//! The macro that turns one declaration per knob into section structs, [`Config`](crate::Config) and the table of knobs.
//!
//! It knows nothing of any particular knob; those are in `knobs.rs`.

/// Declares all sections and their knobs.
macro_rules! declare {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $(@env($env:literal))? $(@mark($mark:ident))*
                $field:ident: $ty:ty = $default:expr, $rule:expr;
            )+
        }
    )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section {
                $( $(#[doc = $doc])+ pub $field: $ty, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $field: $default, )+ }
                }
            }
        )+

        /// All settings of a Push-Manager, each within its bounds once loaded.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Config {
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
        }

        /// The sections in order, each with what it is about.
        pub(crate) static SECTIONS: &[(&str, &[&str])] = &[
            $( (stringify!($section), &[$($section_doc),+]), )+
        ];

        static KNOBS: &[Knob] = &[$($(
            Knob {
                key: concat!(stringify!($section), ".", stringify!($field)),
                env: declare!(@env $($env)?),
                reloadable: Marks::NONE$(.$mark())*.reloadable,
                secret: Marks::NONE$(.$mark())*.secret,
                kind: kind_of(&$rule),
                docs: &[$($doc),+],
                unit: || $rule.unit(),
                shape: || $rule.shape(),
                expected: || $rule.expected(),
                set: |config, given| {
                    config.$section.$field = $rule.parse(given)?;
                    Ok(())
                },
                show: |config| $rule.show(&config.$section.$field),
                differs: |a, b| PartialEq::ne(&a.$section.$field, &b.$section.$field),
            },
        )+)+];

        /// The table of all knobs, in the order of the sections.
        pub fn knobs() -> &'static [Knob] {
            KNOBS
        }
    };
    (@env) => { None };
    (@env $env:literal) => { Some($env) };
}

pub(crate) use declare;
