public import Tensors

/// What a method says of one point: a number per element of the input, and how far they are from
/// adding up.
public struct AttributionMap: Sendable {
  /// The attribution of each element, of the sample's shape, float64.
  public let values: Tensor
  /// The score of the target at the input.
  public let score: Double
  /// The score of the target at the baseline; nil for methods that know none.
  public let baselineScore: Double?
  /// Evaluations that the map cost.
  public let passes: Passes

  /// The same map with its elements under another shape.
  package func reshaped(to shape: Shape) -> AttributionMap {
    AttributionMap(
      values: values.reshaped(to: shape), score: score, baselineScore: baselineScore,
      passes: passes)
  }

  /// The sum of the attributions.
  public var sum: Double { values.elements(as: Double.self).reduce(0, +) }

  /// How far the sum is from the difference of the scores, which it should equal: the
  /// completeness axiom of Integrated Gradients (Sundararajan et al., 2017, proposition 1). Without
  /// a baseline the score itself is meant.
  public var completenessError: Double { sum - (score - (baselineScore ?? 0)) }

  /// The completeness error relative to the difference of the scores; infinite where that is 0 and
  /// the error is not.
  public var relativeCompletenessError: Double {
    let difference = abs(score - (baselineScore ?? 0))
    return completenessError == 0 ? 0 : abs(completenessError) / difference
  }
}
