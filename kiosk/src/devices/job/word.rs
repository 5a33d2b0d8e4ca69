//! The words of a job: what it is, how far, and why.

use serde::Serialize;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the file and on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

named! {
    /// What is printed.
    Kind {
        /// What the diner takes along.
        Receipt = "receipt",
        /// What a station of the kitchen works by.
        Ticket = "ticket",
        /// Tells a station that a ticket it may have is void.
        VoidTicket = "void_ticket",
        /// A page to see that a printer prints.
        Test = "test",
        /// The report of a business day; its station says which one, as [`super::ReportOf`] writes it.
        Report = "report",
    }
}

named! {
    /// How far a job is.
    State {
        /// It waits for its printer.
        Queued = "queued",
        /// Bytes of it may have left for the printer.
        Sending = "sending",
        /// The printer has confirmed it.
        Printed = "printed",
        /// A human must say whether it is still wanted.
        Held = "held",
        /// It can't be printed as it is.
        Failed = "failed",
        /// Nobody wants it any more.
        Cancelled = "cancelled",
    }
}

impl State {
    /// Whether the print room still has to do with it by itself.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }
}

named! {
    /// Why a job is where it is, if that needs saying.
    Why {
        /// It waited so long that printing it now would confuse.
        TooOld = "too_old",
        /// It is of a business day that is over.
        DayOver = "day_over",
        /// No printer of that name is configured any more.
        NoPrinter = "no_printer",
        /// The printer took none of it.
        NotTaken = "not_taken",
        /// The printer went away, or did not confirm in time.
        Interrupted = "interrupted",
        /// It was tried too often.
        GivenUp = "given_up",
        /// Its content can't be put on paper.
        Unprintable = "unprintable",
        /// Its order was voided.
        Voided = "voided",
        /// Somebody threw it away, and said why.
        Discarded = "discarded",
        /// Somebody asked for it again.
        Released = "released",
    }
}
