//! What a remote server makes of the answers: each hole is asked once more with the server of the
//! settings, by the orchestration that answers an editor, but without a time limit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use lowkey_completer::settings::Settings;
use lowkey_completer::{Answer, Completer, RemoteState, Status};
use serde::{Deserialize, Serialize};

use super::row::Row;
use super::score::Score;
use crate::Program;

/// Time limit of a call: a server on two cores needs half a minute for a long prompt.
const PATIENCE: Duration = Duration::from_mins(5);

/// The second answer about a hole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Refined {
    /// Whether the local answer was unsure, so that the server was asked.
    pub(super) asked: bool,
    /// Whether the answer is the server's text.
    pub(super) used: bool,
    pub(super) score: Score,
    /// The rule that silenced the answer; `null` when it is shown.
    pub(super) silent: Option<String>,
}

/// Starts a second completer, which may ask the server of the settings.
pub(super) async fn completer(
    settings: &Settings,
    program: &Program,
    roots: Vec<PathBuf>,
) -> anyhow::Result<Arc<Completer>> {
    let completer = Completer::start(settings.clone(), program.embedded, None)?;
    completer.set_roots(roots);
    if let Status::Failed(reason) = completer.ready().await {
        bail!(reason);
    }
    completer.start_index();
    completer.use_remote_within(PATIENCE).map_err(anyhow::Error::msg)?;
    Ok(completer)
}

/// Fails if the server does: rows without its part would count as answers that it did not change.
pub(super) fn check(completer: &Completer) -> anyhow::Result<()> {
    match &*completer.subscribe_remote().borrow() {
        RemoteState::Failing { reason } => {
            bail!("{reason}; with --out FILE the next run continues after the last hole")
        }
        RemoteState::Unused | RemoteState::Working { .. } => Ok(()),
    }
}

impl Refined {
    pub(super) fn of(answer: &Answer, score: Option<Score>) -> Self {
        let report = &answer.report;
        Self {
            asked: report.is_refined || report.why.iter().any(|why| why.starts_with("remote:")),
            used: report.is_refined,
            silent: match score {
                Some(_) => None,
                None => Some(report.silent.clone().unwrap_or_else(|| "no text".into())),
            },
            score: score.unwrap_or_default(),
        }
    }
}

/// What the second answers come to; shares of the holes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct RefinedSummary {
    holes: usize,
    asked: f64,
    used: f64,
    local_exact: f64,
    refined_exact: f64,
    /// Exact only with the server.
    right_instead_of_wrong: f64,
    /// The part of these for which the local model's text was not shown.
    right_instead_of_silent: f64,
    /// Exact only without it.
    wrong_instead_of_right: f64,
}

impl RefinedSummary {
    /// Returns the summary of the rows with a second answer; `None` if there are none.
    pub(super) fn of(rows: &[Row]) -> Option<Self> {
        let pairs: Vec<(&Row, &Refined)> =
            rows.iter().filter_map(|row| Some((row, row.refined.as_ref()?))).collect();
        let n = pairs.len();
        let share = |is: &dyn Fn(&Row, &Refined) -> bool| {
            pairs.iter().filter(|(row, refined)| is(row, refined)).count() as f64 / n as f64
        };
        let is_gain =
            |row: &Row, refined: &Refined| refined.score.exact_match && !row.score.exact_match;
        (n > 0).then(|| Self {
            holes: n,
            asked: share(&|_, refined| refined.asked),
            used: share(&|_, refined| refined.used),
            local_exact: share(&|row, _| row.score.exact_match),
            refined_exact: share(&|_, refined| refined.score.exact_match),
            right_instead_of_wrong: share(&is_gain),
            right_instead_of_silent: share(&|row, refined| {
                is_gain(row, refined) && row.silent.is_some()
            }),
            wrong_instead_of_right: share(&|row, refined| {
                row.score.exact_match && !refined.score.exact_match
            }),
        })
    }

    /// Returns the figures as lines, each share with its standard error.
    pub(super) fn lines(&self) -> String {
        let percent = |share: f64| {
            let error = (share * (1.0 - share) / self.holes as f64).sqrt();
            format!("{:5.1} % ± {:.1}", share * 100.0, error * 100.0)
        };
        format!(
            "\nwith the remote server, shares of {} holes and one standard error:\n\
             asked                     {}\nits text is the answer    {}\n\
             exact, local              {}\nexact, refined            {}\n\
             right instead of wrong    {}   ({} of them where nothing was shown)\n\
             wrong instead of right    {}\n",
            self.holes,
            percent(self.asked),
            percent(self.used),
            percent(self.local_exact),
            percent(self.refined_exact),
            percent(self.right_instead_of_wrong),
            (self.right_instead_of_silent * self.holes as f64).round(),
            percent(self.wrong_instead_of_right),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn gains_and_losses_are_counted() {
        let right = Score { exact_match: true, ..Score::default() };
        let refined = |score: Score, used| Refined { asked: true, used, score, silent: None };
        let with = |local: Score, score: Score, used| Row {
            score: local,
            refined: Some(refined(score, used)),
            ..row(0, 1.0)
        };
        let wrong = Score::default();
        let silent = Row { silent: Some("gate".into()), ..with(wrong, right, true) };
        let rows = [
            with(wrong, right, true),
            silent,
            with(right, wrong, true),
            with(right, right, false),
            row(9, 1.0),
        ];
        let summary = RefinedSummary::of(&rows).unwrap();
        assert_eq!((summary.holes, summary.asked, summary.used), (4, 1.0, 0.75));
        assert_eq!((summary.local_exact, summary.refined_exact), (0.5, 0.75));
        assert_eq!((summary.right_instead_of_wrong, summary.right_instead_of_silent), (0.5, 0.25));
        assert_eq!(summary.wrong_instead_of_right, 0.25);
        assert!(summary.lines().contains("right instead of wrong     50.0 % ± 25.0   (1 of them"));
        assert_eq!(RefinedSummary::of(&rows[4..]), None);
    }
}
