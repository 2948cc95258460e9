import Tensors

/// Points at which a model is asked about its batches, since not every model is defined everywhere.
enum TrialPoints {
  /// Uniform noise between -1 and 1.
  case noise
  /// The same between 0 and 1, for logarithms and roots.
  case positive
  /// A real input, each row scaled down by a few percent and each element by one at most.
  case near(Tensor)

  /// So many rows.
  func rows(_ count: Int, of function: ModelFunction, seed: UInt64) -> Tensor {
    let shape = Shape([count] + function.pointShape)
    let noise = Tensor.noise(shape: shape, seed: seed)
    switch self {
    case .noise: return noise.converted(to: function.elementType)
    case .positive:
      return Tensor(noise.doubles.map { ($0 + 1) / 2 }, shape: shape)
        .converted(to: function.elementType)
    case .near(let example):
      let elements = example.doubles
      let size = max(elements.count, 1)
      let scales = Tensor.noise(shape: [count], seed: ~seed).doubles.map { 0.97 + 0.03 * $0 }
      let points = noise.doubles.enumerated().map { index, number in
        elements[index % size] * scales[index / size] * (0.995 + 0.005 * number)
      }
      return Tensor(points, shape: shape).converted(to: function.elementType)
    }
  }
}
