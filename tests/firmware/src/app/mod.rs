//! The commands.
//!
//! | command | arguments | what it does |
//! |---|---|---|
//! | `score` | `readings= [mask=] [out=] [estimator=sigma-points] [seed=0] [limit=] [slice=]` | scores each reading of a file into lines of CSV |
//! | `explain` | as `score` | the same lines, each followed by the terms of all inputs and the parts of all latents |
//! | `impute` | `readings= mask= [out=] [limit=]` | fills the gaps of each reading in |
//! | `decide` | `readings= threshold= confidence= passes= [out=] [seed=0] [limit=]` | on which side of a threshold each reading lies, with the bound and the passes it took |
//! | `encode` | `readings= [mask=] [out=] [seed=0] [limit=]` | for each reading the posterior, a draw from it, the packet of its mean, and what a receiver makes of that |
//! | `watch` | `samples= enter= leave= [out=] [estimator=posterior-mean] [seed=0] [time-constant=3] [slice=]` | watches a stream: a line of CSV a window |
//! | `martingale` | `readings= chance= epsilon= restarts= [mask=] [out=] [estimator=sigma-points] [seed=0] [limit=]` | bets against the p-value of each reading, without a watch: a line of its surprise, the log martingale and the alarm |
//! | `adapt` | `readings= reference= [learn=200] [calibrate=200] [rounds=1] [out=] [estimator=sigma-points] [seed=0]` | learns from all readings of a file, several times; a line for each round: a digest of all judgements, the stage and its progress |
//! | `adapt-cost` | as `adapt` | counts the instructions of a reading in each stage, and of a score alone |
//! | `dream` | `[out=] [count=1] [seed=0]` | draws readings from the prior as pictures |
//! | `count` | `readings= [out=]` | counts the instructions of encoding and scoring the first reading of a file |
//! | `cost` | `readings= [estimator=sigma-points] [out=]` | counts the instructions of encoding and scoring the first reading of a file, and the bytes of stack that a product takes for it |
//! | `layers` | `shapes= [out=]` | counts the instructions of single layers, which lie one after another where the model would |
//! | `kernels` | `[seed=0] [cases=1000]` | compares the kernels with the definition on random layers; prints a digest of the results |
//! | `self-test` | | recomputes the scores that the image carries |
//! | `script` | `lines=` | does what each line of a file says, until one fails |
//! | `echo` | `readings= out=` | shows what the board received |
//! | `fault` | | runs an undefined instruction |
//!
//! Readings are little-endian `i16`, as many to a reading as the model has inputs; samples are the same, one of each
//! channel after another. Masks are bits as [`elbow::Mask`] has them, whole bytes for each reading. Reading `n` is
//! scored with stream `n` of the seed, and dream `n` drawn from it: neither depends on those before it. Numbers on
//! the command line and in lines without a header are raw: nats and readings Q16.16, probabilities Q1.31. Where
//! `out=` is not given, text goes to standard output. With `slice=`, scores are computed in slices of so many passes.

mod adapt;
mod checks;
mod cost;
mod count;
mod decide;
mod dream;
mod encode;
mod failure;
mod files;
mod impute;
mod kernels;
mod layers;
mod martingale;
mod memory;
mod score;
mod script;
mod watch;

use crate::arguments;
pub use failure::Failure;
pub use memory::Memory;

/// The commands, for whoever names none of them.
const NAMES: &str = "score, explain, impute, decide, encode, watch, martingale, adapt, adapt-cost, dream, count, cost, layers, kernels, self-test, script, echo or fault";

/// Does what the command line asks for.
///
/// # Errors
///
/// The command line, a file or the model is not as it should be.
pub fn run<'a>(line: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    match arguments::command(line) {
        ("script", rest) => script::script(rest, memory),
        _ => run_one(line, memory),
    }
}

/// Does what one line asks for that is no script.
fn run_one<'a>(line: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    match arguments::command(line) {
        ("score", rest) => score::score(rest, memory),
        ("explain", rest) => score::explain(rest, memory),
        ("impute", rest) => impute::impute(rest, memory),
        ("decide", rest) => decide::decide(rest, memory),
        ("encode", rest) => encode::encode(rest, memory),
        ("watch", rest) => watch::watch(rest, memory),
        ("martingale", rest) => martingale::martingale(rest, memory),
        ("adapt", rest) => adapt::adapt(rest, memory),
        ("adapt-cost", rest) => adapt::adapt_cost(rest, memory),
        ("dream", rest) => dream::dream(rest, memory),
        ("count", rest) => count::count(rest, memory),
        ("cost", rest) => cost::cost(rest, memory),
        ("layers", rest) => layers::layers(rest),
        ("kernels", rest) => kernels::kernels(rest),
        ("self-test", rest) => checks::self_test(rest, memory),
        ("echo", rest) => checks::echo(rest),
        ("fault", rest) => checks::fault(rest),
        (name, _) => Err(Failure::Command(name)),
    }
}
