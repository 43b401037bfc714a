//! Finds the device that the setting `device` names.
//!
//! Every refusal has a next step: a build without the feature is another fault than a machine without the device.

use std::fmt;
use std::panic::catch_unwind;

use candle_core::{DType, Device, DeviceLocation};

use crate::error::{ModelError, shorten};
use crate::kv::shape::DeviceId;

/// The setting `device`: where a model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// On a graphics processor if this build can use one and the machine has it, else on the CPU.
    #[default]
    Auto,
    /// On our own kernels.
    Cpu,
    /// On the CUDA device of this number.
    Cuda(usize),
    /// On the Metal device.
    Metal,
}

/// A device that is ready to take a model.
#[derive(Clone, Debug)]
pub struct Accelerator {
    name: String,
    device: Device,
    floats: FloatProducts,
}

/// The type in which products of float weights are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FloatProducts {
    /// The one that the file stores them in.
    Stored,
    /// f32, to compare with.
    F32,
}

impl DeviceChoice {
    /// The kinds of devices that this build can use besides the CPU.
    pub const SUPPORTED_KINDS: &'static [&'static str] =
        match (cfg!(feature = "cuda"), cfg!(feature = "metal")) {
            (false, false) => &[],
            (true, false) => &["cuda"],
            (false, true) => &["metal"],
            (true, true) => &["cuda", "metal"],
        };

    /// Parses `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda(0)),
            "metal" => Some(Self::Metal),
            other => {
                let number = other.strip_prefix("cuda:")?;
                let is_plain =
                    number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
                if is_plain { number.parse().ok().map(Self::Cuda) } else { None }
            }
        }
    }

    /// Finds the device; `None` means our own kernels on the CPU.
    pub fn open(self) -> Result<Option<Accelerator>, ModelError> {
        match self {
            Self::Cpu => Ok(None),
            // In this order, for a build that has both.
            Self::Auto => Ok([Self::Cuda(0), Self::Metal].into_iter().find_map(|d| d.find().ok())),
            Self::Cuda(_) | Self::Metal => self.find().map(Some),
        }
    }

    fn find(self) -> Result<Accelerator, ModelError> {
        let (kind, hint) = match self {
            Self::Metal => ("metal", "is this a Mac?"),
            _ => ("cuda", "see what `nvidia-smi -L` lists"),
        };
        let no_device = |problem| ModelError::NoDevice { device: self.to_string(), problem };
        if !Self::SUPPORTED_KINDS.contains(&kind) {
            return Err(no_device(format!(
                "this lowkey was built without {kind}; build it with `cargo build --release --features {kind}`"
            )));
        }
        // candle indexes its list of Metal devices without checking its length.
        let found = catch_unwind(|| match self {
            Self::Metal => Device::new_metal(0),
            Self::Cuda(number) => Device::new_cuda(number),
            Self::Auto | Self::Cpu => Ok(Device::Cpu),
        });
        let device = match found {
            Ok(Ok(device)) => device,
            Ok(Err(error)) => {
                let message = shorten(&error.to_string());
                return Err(no_device(format!("there is none ({message}); {hint}")));
            }
            Err(_panic) => return Err(no_device(format!("there is none; {hint}"))),
        };
        let name = match product(&device) {
            Some(product) => format!("{self} ({product})"),
            None => self.to_string(),
        };
        Ok(Accelerator { name, device, floats: FloatProducts::Stored })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

/// The product name that the device's driver reports.
fn product(device: &Device) -> Option<String> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => cuda.cuda_stream().context().name().ok(),
        _ => None,
    }
}

impl Accelerator {
    /// candle's own CPU, with products of floats in f32: the same operations without a graphics processor, for tests.
    /// Our kernels are several times as fast.
    pub fn candle_cpu() -> Self {
        Self { name: "candle's CPU".to_owned(), device: Device::Cpu, floats: FloatProducts::F32 }
    }

    /// The same, with products of float weights in the weights' own type, as graphics processors compute them.
    #[must_use]
    pub fn with_stored_float_products(self) -> Self {
        Self { floats: FloatProducts::Stored, ..self }
    }

    /// The setting that chooses it, and its product name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// candle's device.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Its identity, which its caches carry.
    pub(super) fn id(&self) -> DeviceId {
        let (kind, index) = match self.device.location() {
            DeviceLocation::Cpu => ("candle-cpu", 0),
            DeviceLocation::Cuda { gpu_id } => ("cuda", gpu_id),
            DeviceLocation::Metal { gpu_id } => ("metal", gpu_id),
        };
        DeviceId { kind, index }
    }

    /// The type in which products with weights of type `stored` are computed.
    pub(super) fn product_type(&self, stored: DType) -> DType {
        match self.floats {
            FloatProducts::F32 => DType::F32,
            FloatProducts::Stored => stored,
        }
    }

    /// The error of a device operation, from candle's.
    pub(super) fn failed(&self, error: &candle_core::Error) -> ModelError {
        // A backtrace may follow on further lines.
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        let problem: String = message.chars().take(300).collect();
        ModelError::OnDevice { device: self.name.clone(), problem }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn choice_round_trips() {
        for text in ["auto", "cpu", "cuda", "cuda:1", "cuda:12", "metal"] {
            assert_eq!(DeviceChoice::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DeviceChoice::parse("cuda:0"), Some(DeviceChoice::Cuda(0)));
        for text in
            ["", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cuda:1000", "metal:0"]
        {
            assert_eq!(DeviceChoice::parse(text), None, "{text}");
        }
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn build_without_devices_names_the_feature_and_falls_back_to_the_cpu() {
        assert!(DeviceChoice::Auto.open().unwrap().is_none());
        assert!(DeviceChoice::Cpu.open().unwrap().is_none());
        let message = DeviceChoice::Cuda(1).open().unwrap_err().to_string();
        assert_eq!(
            message,
            "cannot use the device cuda:1: this lowkey was built without cuda; build it with \
             `cargo build --release --features cuda`, or set device to \"cpu\""
        );
        let message = DeviceChoice::Metal.open().unwrap_err().to_string();
        assert!(message.contains("without metal"), "{message}");
    }
}
