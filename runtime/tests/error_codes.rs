//! The codes of errors, as logs and foreign code know them: none of these numbers may change.

use elbow::estimator::UnknownEstimator;
use elbow::format::{Defect, image_length};
use elbow::image::WriteError;
use elbow::monitor::{MonitorError, WatchError};
use elbow::requantize::{FactorError, Multiplier};
use elbow::signal::{FrontEndError, WindowsError};
use elbow::telemetry::TelemetryError;
use elbow::{
    Estimator, ImageError, LayerRole, LengthError, MaskError, Nats, Probability, ReadingError,
    SelfTestError, ThresholdError, WorkspaceError,
};

const WORKSPACE: WorkspaceError = WorkspaceError { have: 8, need: 16 };
const LENGTH: LengthError = LengthError {
    what: "terms",
    have: 1,
    need: 2,
};
const THRESHOLD: ThresholdError = ThresholdError {
    rate: Probability::ONE,
    smallest: Probability::ONE,
};
const FACTOR: FactorError = FactorError { factor: -1.0 };

/// Each error with its code, in the order of the codes.
macro_rules! assert_codes {
    ($($error:expr => $code:literal,)*) => {
        let codes = [$(($error).code(),)*];
        assert_eq!(codes, [$($code,)*]);
        assert!(codes.is_sorted_by(|a, b| a < b));
    };
}

#[test]
fn codes_of_images_stay() {
    assert_codes! {
        ImageError::NotAnImage => 100,
        ImageError::Misaligned => 101,
        ImageError::Truncated { have: 1, need: 2 } => 102,
        ImageError::FormatVersion { image: 1, runtime: 2 } => 103,
        ImageError::NumericsVersion { image: 1, runtime: 2 } => 104,
        ImageError::Checksum { stored: 1, computed: 2 } => 105,
        ImageError::LeftOut { feature: "counts" } => 106,
        Defect::HeaderBeyond => 120,
        Defect::Header => 121,
        Defect::HeaderTail => 122,
        Defect::Inputs => 123,
        Defect::Conditions => 124,
        Defect::InputCeiling => 125,
        Defect::Components => 126,
        Defect::Latents => 127,
        Defect::LatentFractionBits => 128,
        Defect::Posterior => 129,
        Defect::Noise => 130,
        Defect::FrontEndLength => 131,
        Defect::Hop => 132,
        Defect::TensorsBeyond => 133,
        Defect::Tail => 134,
        Defect::Multiplier => 135,
        Defect::Prior => 136,
        Defect::Binomial => 137,
        Defect::Kinds => 138,
        Defect::LogNormalizer => 139,
        Defect::LayerOrder => 140,
        Defect::Outputs => 141,
        Defect::NoOutputs => 142,
        Defect::Weights => 143,
        Defect::Accumulator => 144,
        Defect::ZeroPoint => 145,
        Defect::Calibration => 146,
        Defect::SelfTestReading => 147,
    }
}

#[test]
fn codes_of_sessions_stay() {
    assert_codes! {
        WORKSPACE => 200,
        SelfTestError::Layer { role: LayerRole::Heads, index: 1 } => 210,
        SelfTestError::Score { estimator: Estimator::PosteriorMean, expected: 1, computed: 2 } => 211,
        ReadingError::Length { have: 1, need: 2 } => 220,
        ReadingError::OutsideSupport { index: 1, value: 3, largest: 2 } => 221,
        ReadingError::NoPasses => 222,
        ReadingError::LeftOut { feature: "sampling" } => 223,
        MaskError::Length { have: 1, need: 2 } => 230,
        MaskError::NothingObserved => 231,
        LENGTH => 240,
        THRESHOLD => 250,
        UnknownEstimator => 260,
    }
}

#[test]
fn codes_of_streams_stay() {
    let (least, most) = (Nats::MIN, Nats::MAX);
    assert_codes! {
        MonitorError::TimeConstant { have: 17, least: 0, most: 16 } => 300,
        MonitorError::Hysteresis { enter: most, leave: least } => 301,
        MonitorError::Floor { floor: most, enter: least } => 302,
        MonitorError::Deviation(Nats::ZERO) => 303,
        MonitorError::Clip => 304,
        MonitorError::Ratio { least: 2, most: 1 } => 305,
        MonitorError::Epsilon(Probability::ONE) => 306,
        MonitorError::Evidence(Nats::ZERO) => 307,
        MonitorError::Ceiling { ceiling: least, epsilon: Probability::ONE } => 308,
        WatchError::NoStream => 320,
        WatchError::NoCalibration => 321,
        WindowsError::NoChannels => 400,
        WindowsError::NoSamples => 401,
        WindowsError::NoHop => 402,
        WindowsError::Hop { hop: 2, samples: 1 } => 403,
        WindowsError::Capacity { have: 1, need: 2 } => 404,
        WindowsError::Channels { have: 1, need: 2 } => 405,
        FrontEndError::NoChannels => 420,
        FrontEndError::Samples(0) => 421,
        FrontEndError::Features(0) => 422,
        FrontEndError::FractionBits(16) => 423,
        FrontEndError::Spectrum(3) => 424,
        FrontEndError::Bands { have: 9, most: 8 } => 425,
        TelemetryError::Buffer { have: 1, need: 2 } => 500,
        TelemetryError::Latents { have: 1, need: 2 } => 501,
        TelemetryError::Truncated => 502,
        TelemetryError::Malformed => 503,
        TelemetryError::FractionBits(17) => 504,
    }
}

#[test]
fn codes_of_the_writer_stay() {
    assert_codes! {
        FACTOR => 600,
        WriteError::TooMany { what: "layers", have: 9, most: 8 } => 620,
        WriteError::Length { what: "weights", have: 1, need: 2 } => 621,
        WriteError::Weight { index: 1, weight: 3 } => 622,
        WriteError::Header(postcard::Error::SerializeBufferFull) => 623,
    }
}

#[test]
fn nested_errors_have_the_code_of_the_innermost_cause() {
    let mask = ReadingError::Mask(MaskError::NothingObserved);
    let monitor = WatchError::Monitor(MonitorError::Clip);
    let windows = WatchError::Windows(WindowsError::NoHop);
    let image = WriteError::Image(ImageError::Invalid(Defect::Tail));
    let codes = [
        (ImageError::Invalid(Defect::Latents).code(), 127),
        (SelfTestError::Workspace(WORKSPACE).code(), 200),
        (ReadingError::Buffer(LENGTH).code(), 240),
        (WatchError::Reading(mask).code(), 231),
        (WatchError::Threshold(THRESHOLD).code(), 250),
        (WatchError::Workspace(WORKSPACE).code(), 200),
        (WatchError::Length(LENGTH).code(), 240),
        (monitor.code(), 304),
        (windows.code(), 402),
        (image.code(), 134),
        (WriteError::Workspace(WORKSPACE).code(), 200),
        (WriteError::Factor(FACTOR).code(), 600),
    ];
    for (code, expected) in codes {
        assert_eq!(code, expected);
    }
}

#[test]
fn codes_are_constants_and_belong_to_real_errors() {
    const MISALIGNED: u16 = ImageError::Misaligned.code();
    assert_eq!(MISALIGNED, 101);
    assert_eq!(image_length(b"PNG ").unwrap_err().code(), 100);
    assert_eq!(image_length(b"ELBW").unwrap_err().code(), 102);
    assert_eq!(Multiplier::nearest(-1.0).unwrap_err().code(), 600);
    assert_eq!("median".parse::<Estimator>().unwrap_err().code(), 260);
}
