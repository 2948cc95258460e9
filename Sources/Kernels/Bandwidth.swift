import Tensors

extension Workspace {
  /// Bytes per second that memory gives and takes on all threads: of a copy, and of the elementwise
  /// kernel that gradients use most, on tensors larger than any cache.
  package func bandwidths() -> (copy: Double, elementwise: Double) {
    let count = 16 << 20
    let x = Tensor(repeating: 1 as Float, shape: [count])
    let target = tensor(.float32, x.shape)
    guard let signs = try? signs(of: x) else { return (0, 0) }
    let copy = fastest { x.copyElements(to: target) }
    let elementwise = fastest { _ = try? sum(of: [x], where: signs) }
    let bytes = Double(2 * count * x.elementType.size)
    return (bytes / copy, bytes / elementwise)
  }

  private func fastest(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    return (0..<5).map { _ in clock.measure(body) / .seconds(1) }.min() ?? 0
  }
}
