//! Settings of several scopes as they will stand together at kiosks.

use std::collections::BTreeMap;

use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::notice::tuning::{Idle, Tuning};
use serde_json::Value;

use crate::ledger::LedgerError;
use crate::ledger::changes::{self, Change, Kind};
use crate::ledger::connection::Connection;

/// What is in force is bounded by far less.
const ALL: usize = 100_000;

/// What is set for some kiosks.
struct Layer {
    scope: Scope,
    tuning: Tuning,
    /// It is the one that is wished for.
    wished: bool,
}

/// Why a setting can't stand: with what is set for other scopes it, or something of theirs, would do
/// nothing. A kiosk works all the same, and says so; whoever sets it should know before.
pub(super) fn fault(
    connection: &dyn Connection,
    scope: &Scope,
    wished: &Value,
) -> Result<Option<(&'static str, String)>, LedgerError> {
    let wished = wished.as_object().map(Tuning::known).unwrap_or_default();
    let settings = changes::in_force(connection, Kind::Settings, 0, ALL)?;
    let groups = changes::in_force(connection, Kind::Groups, 0, ALL)?;
    let others = settings.into_iter().filter(|change| change.scope != *scope);
    let others = others.map(|change| Layer {
        tuning: change
            .value
            .as_object()
            .map(Tuning::known)
            .unwrap_or_default(),
        scope: change.scope,
        wished: false,
    });
    let mine = Layer {
        scope: scope.clone(),
        tuning: wished,
        wished: true,
    };
    let layers: Vec<_> = others.chain([mine]).collect();
    let fault = at_some_kiosk(&layers, &members(groups));
    Ok(fault.map(|fault| ("/settings", fault)))
}

/// The groups of each kiosk that is in any.
fn members(groups: Vec<Change>) -> BTreeMap<String, Vec<String>> {
    let of = groups.into_iter().map(|change| {
        let names = change.value.as_array().into_iter().flatten();
        let names = names.filter_map(Value::as_str).map(str::to_owned);
        (change.scope.to_string(), names.collect())
    });
    of.collect()
}

/// Looks at every way in which the layers can meet at a kiosk.
fn at_some_kiosk(layers: &[Layer], members: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let of = |wanted: fn(&Scope) -> bool| layers.iter().filter(move |layer| wanted(&layer.scope));
    let all: Vec<_> = of(|scope| matches!(scope, Scope::All)).collect();
    let shares: Vec<_> = of(|scope| matches!(scope, Scope::Percent(_)))
        .map(Some)
        .chain([None])
        .collect();
    let groups: Vec<_> = of(|scope| matches!(scope, Scope::Group(_))).collect();
    let kiosks = of(|scope| matches!(scope, Scope::Kiosk(..)));
    for kiosk in kiosks.map(Some).chain([None]) {
        let member = |layer: &&Layer| match (kiosk, &layer.scope) {
            (Some(kiosk), Scope::Group(group)) => members
                .get(&kiosk.scope.to_string())
                .is_some_and(|groups| groups.contains(group)),
            _ => true,
        };
        let groups = groups
            .iter()
            .copied()
            .filter(member)
            .map(Some)
            .chain([None]);
        for group in groups {
            for share in &shares {
                let narrow = share.iter().chain(&group).chain(&kiosk).copied();
                let meeting: Vec<_> = all.iter().copied().chain(narrow).collect();
                let told = meeting
                    .iter()
                    .any(|layer| layer.wished)
                    .then(|| judged(&meeting));
                if let Some(fault) = told.flatten() {
                    return Some(fault);
                }
            }
        }
    }
    None
}

/// The first thing that does nothing where all of these hold.
fn judged(meeting: &[&Layer]) -> Option<String> {
    let whole = meeting.iter().fold(Tuning::software(), |wider, layer| {
        wider.under(&layer.tuning)
    });
    meeting.iter().find_map(|layer| {
        // What a narrower scope sets anew is not what holds.
        let Idle { of, key, why } = layer
            .tuning
            .idle(&whole)
            .into_iter()
            .find(|idle| layer.tuning.set(idle.of, idle.key) == whole.set(idle.of, idle.key))?;
        Some(if layer.wished {
            let beside = meeting.iter().filter(|other| !other.wished);
            let beside: Vec<_> = beside.map(|other| other.scope.to_string()).collect();
            format!(
                "{of}.{key} {why}; so it would be beside what is set for {}",
                beside.join(", ")
            )
        } else {
            format!("{of}.{key}, set for {}, {why}", layer.scope)
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(scope: Value, ordering: Value, wished: bool) -> Layer {
        let settings = json!({ "ordering": ordering });
        Layer {
            scope: scope.into(),
            tuning: settings.as_object().map(Tuning::known).unwrap(),
            wished,
        }
    }

    fn in_group() -> BTreeMap<String, Vec<String>> {
        [("kiosk s/k".to_owned(), vec!["airport".to_owned()])].into()
    }

    #[test]
    fn what_would_do_nothing_at_some_kiosk_is_found_before_it_is_set() {
        let off = json!({"slow_after_ms": "off"});
        let percent = json!({"slow_percent": 40});
        let (all, group) = (json!({"all": true}), json!({"group": "airport"}));
        let (kiosk, other) = (json!({"kiosk": "s/k"}), json!({"kiosk": "s/other"}));
        for (wide, narrow, wished, meet) in [
            (&all, &kiosk, 1, true),
            (&all, &kiosk, 0, true),
            (&all, &group, 1, true),
            (&group, &kiosk, 1, true),
            (&group, &other, 1, false),
            (&kiosk, &other, 1, false),
        ] {
            let layers = [
                layer(wide.clone(), off.clone(), wished == 0),
                layer(narrow.clone(), percent.clone(), wished == 1),
            ];
            let found = at_some_kiosk(&layers, &in_group());
            assert_eq!(found.is_some(), meet, "{wide} {narrow}: {found:?}");
            if let Some(found) = found {
                assert!(found.contains("slow_after_ms is off"), "{found}");
            }
        }
    }

    #[test]
    fn what_is_right_where_it_meets_others_is_no_fault_though_it_would_be_alone() {
        let layers = [
            layer(json!({"all": true}), json!({"retries": 1}), false),
            layer(json!({"group": "airport"}), json!({"retry_ms": 50}), true),
        ];
        assert_eq!(at_some_kiosk(&layers, &in_group()), None);
    }

    #[test]
    fn what_was_wrong_before_and_is_not_touched_keeps_nobody_from_setting_something() {
        let layers = [
            layer(
                json!({"kiosk": "s/k"}),
                json!({"slow_percent": 40, "slow_after_ms": "off"}),
                false,
            ),
            layer(json!({"kiosk": "s/other"}), json!({"retries": 1}), true),
        ];
        assert_eq!(at_some_kiosk(&layers, &in_group()), None);
    }
}
