//! Which renderer draws: wgpu where there is a graphics processor, glow where software draws.
//!
//! On software rendering glow needs about a quarter of the time that wgpu needs for the same frame.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use eframe::{Renderer, wgpu};

/// What the person asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// What suits the hardware.
    #[default]
    Auto,
    /// Vulkan, Metal or Direct3D.
    Wgpu,
    /// OpenGL.
    Glow,
}

/// Chooses. Looks at the graphics adapters where the person left the choice.
pub fn choose(choice: Choice) -> Renderer {
    let wgpu = match choice {
        Choice::Auto => has_hardware(),
        Choice::Wgpu => true,
        Choice::Glow => false,
    };
    if wgpu { Renderer::Wgpu } else { Renderer::Glow }
}

/// Whether an adapter is there that is not a processor pretending to be one.
fn has_hardware() -> bool {
    let backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pin!(instance.enumerate_adapters(backends));
    // Natively the list is ready at once; a browser, where it is not, never comes here.
    let Poll::Ready(adapters) = adapters.poll(&mut Context::from_waker(Waker::noop())) else { return false };
    adapters.iter().any(|adapter| {
        let info = adapter.get_info();
        tracing::debug!(name = %info.name, kind = ?info.device_type, backend = ?info.backend, "adapter");
        matches!(info.device_type, wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::IntegratedGpu)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_person_asks_for_is_taken() {
        assert_eq!(choose(Choice::Wgpu), Renderer::Wgpu);
        assert_eq!(choose(Choice::Glow), Renderer::Glow);
    }
}
