import Graphs
import Kernels
import Tensors

/// x less its mean along axes, divided by √(variance + ε), and the gradient of that: what all
/// normalisations by statistics of the data have in common.
///
/// With n the result, r = 1 / √(variance + ε) and g the gradient of n:
/// dx = r (g - mean(g) - n mean(g n)); where nothing is centred, mean(g) is left out.
struct Standardization {
  /// The normalised operand.
  let normalized: Formula
  private let inverseDeviation: Formula
  private let isCentred: Bool
  private let mean: (Formula) -> Formula

  init(of x: Formula, axes: [Int], epsilon: Double, centring: Bool = true) {
    let mean = { Formula(ReduceMean(axes: axes, keepDimensions: true), $0) }
    let centred = centring ? x - mean(x) : x
    self.inverseDeviation = 1 / Formula(Sqrt(), mean(centred * centred) + Formula(epsilon))
    self.normalized = centred * inverseDeviation
    self.isCentred = centring
    self.mean = mean
  }

  /// The gradient of the operand from that of the normalised one.
  func gradient(_ g: Formula) -> Formula {
    let along = normalized * mean(g * normalized)
    return inverseDeviation * ((isCentred ? g - mean(g) : g) - along)
  }
}

extension GradientContext {
  /// Refuses a gradient that arrives at an output behind the first one.
  func refuseStatisticsGradient() throws(OperatorError) {
    if outputGradients.dropFirst().contains(where: { $0 != nil }) {
      throw OperatorError("the gradient of the statistics is not defined")
    }
  }
}
