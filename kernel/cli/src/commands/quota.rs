//! Quotas of one process.

use aether_protocol::{
    process::{GetQuotas, SetQuota},
    quota::{Kind, QuotaReport, QuotaUse, Quotas},
};
use comfy_table::Cell;

use crate::{context::Context, failure::Outcome, resolve, shape};

/// Changes what was typed, and shows all.
pub(super) async fn quota(cx: &Context, process: &str, quotas: Option<Quotas>) -> Outcome {
    let client = cx.connect().await?;
    let pid = resolve::pid(&client, process).await?;
    let report = match quotas {
        Some(quotas) => client.call(SetQuota { pid, quotas: Box::new(quotas) }).await?,
        None => client.call(GetQuotas { pid }).await?,
    };
    show(cx, &report)
}

fn show(cx: &Context, report: &QuotaReport) -> Outcome {
    if cx.out.json {
        cx.out.json(report)?;
        return Ok(());
    }
    let rows = report
        .quotas
        .iter()
        .map(|one| {
            vec![
                Cell::new(shape::word(&one.kind)),
                Cell::new(one.used.map_or_else(|| "-".to_owned(), |used| amount(one.kind, used))),
                Cell::new(one.limit.map_or_else(|| "-".to_owned(), |limit| amount(one.kind, limit))),
                Cell::new(percent(one)),
                Cell::new(shape::word(&one.at_limit)),
                Cell::new(one.held_by.iter().map(shape::word).collect::<Vec<_>>().join(", ")),
            ]
        })
        .collect();
    cx.out.table(&["QUOTA", "USED", "LIMIT", "SHARE", "AT LIMIT", "HELD BY"], &[1, 2, 3], rows)?;
    Ok(())
}

fn amount(kind: Kind, value: u64) -> String {
    match kind {
        Kind::Memory | Kind::Disk => shape::bytes(value),
        Kind::CpuTime | Kind::WallTime => shape::duration(value.saturating_mul(1000)),
        Kind::Processes | Kind::OpenFiles | Kind::Tokens | Kind::Steps => value.to_string(),
    }
}

fn percent(one: &QuotaUse) -> String {
    match (one.used, one.limit) {
        (Some(used), Some(limit)) if limit > 0 => {
            format!("{} %", u128::from(used) * 100 / u128::from(limit))
        }
        _ => String::new(),
    }
}
