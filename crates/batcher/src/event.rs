//! One event, collected until its last member has been seen: members come in any order, and where
//! one comes twice, the last wins.

/// An optional text that keeps its buffer when it is emptied.
#[derive(Debug, Default)]
pub(crate) struct OptionalText {
    text: String,
    present: bool,
}

impl OptionalText {
    pub(crate) fn get(&self) -> Option<&str> {
        self.present.then_some(&self.text)
    }

    pub(crate) fn set(&mut self, text: Option<&str>) {
        self.text.clear();
        self.text.push_str(text.unwrap_or_default());
        self.present = text.is_some();
    }
}

/// The cells of an event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) correlation_id: OptionalText,
    pub(crate) type_id: OptionalText,
    /// Microseconds since the Unix epoch; none if unknown.
    pub(crate) source_event_time: Option<i64>,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: Option<i64>,
    /// The exact JSON text.
    pub(crate) data: OptionalText,
    /// The length of that text, where it was left out because nobody wants it.
    pub(crate) data_bytes: Option<u64>,
    /// Which members were seen, by [`Member`].
    seen: [bool; 5],
    /// How many members came again and replaced an earlier value.
    pub(crate) superseded: u64,
}

/// The members that the grammar names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    CorrelationId,
    SourceEventTime,
    TypeId,
    CreatedAt,
    Data,
}

impl Member {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "correlationId" => Some(Self::CorrelationId),
            "sourceEventTime" => Some(Self::SourceEventTime),
            "typeId" => Some(Self::TypeId),
            "createdAt" => Some(Self::CreatedAt),
            "data" => Some(Self::Data),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CorrelationId => "correlationId",
            Self::SourceEventTime => "sourceEventTime",
            Self::TypeId => "typeId",
            Self::CreatedAt => "createdAt",
            Self::Data => "data",
        }
    }
}

impl Event {
    /// Forgets all cells.
    pub(crate) fn clear(&mut self) {
        self.correlation_id.set(None);
        self.type_id.set(None);
        self.source_event_time = None;
        self.created_at = None;
        self.data.set(None);
        self.data_bytes = None;
        self.seen = [false; 5];
        self.superseded = 0;
    }

    /// Takes the cells of another event.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.correlation_id.set(other.correlation_id.get());
        self.type_id.set(other.type_id.get());
        self.source_event_time = other.source_event_time;
        self.created_at = other.created_at;
        self.data.set(other.data.get());
        self.data_bytes = other.data_bytes;
        self.superseded = other.superseded;
    }

    /// Empties a member's cell.
    pub(crate) fn clear_cell(&mut self, member: Member) {
        match member {
            Member::CorrelationId => self.correlation_id.set(None),
            Member::TypeId => self.type_id.set(None),
            Member::SourceEventTime => self.source_event_time = None,
            Member::CreatedAt => self.created_at = None,
            Member::Data => self.data.set(None),
        }
    }

    /// Notes that a member has come.
    pub(crate) fn see(&mut self, member: Member) {
        self.superseded += u64::from(std::mem::replace(&mut self.seen[member as usize], true));
    }
}
