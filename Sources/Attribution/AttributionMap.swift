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
  /// Evaluations of the gradient on the path, for methods that integrate along one.
  public let steps: Int?
  /// The relative L2 error of the map as it is estimated, for methods that do.
  public let estimatedError: Double?
  /// The rules of the integrals where they were found for the paths, one for each baseline.
  public let rules: [String]
  /// What each of several baselines gave, whose mean the map is; empty for a single one.
  public let baselines: [BaselineResult]

  package init(
    values: Tensor, score: Double, baselineScore: Double?, passes: Passes, steps: Int? = nil,
    estimatedError: Double? = nil, rules: [String] = [], baselines: [BaselineResult] = []
  ) {
    self.values = values
    self.score = score
    self.baselineScore = baselineScore
    self.passes = passes
    self.steps = steps
    self.estimatedError = estimatedError
    self.rules = rules
    self.baselines = baselines
  }

  /// The mean of maps of one score, from one baseline each.
  package init(meanOf maps: [AttributionMap]) {
    let count = Double(max(maps.count, 1))
    var sum = [Double](repeating: 0, count: maps.first?.values.elementCount ?? 0)
    for map in maps {
      for (index, value) in map.values.doubles.enumerated() { sum[index] += value / count }
    }
    let errors = maps.compactMap(\.estimatedError)
    let steps = maps.compactMap(\.steps)
    let scores = maps.compactMap(\.baselineScore)
    self.init(
      values: Tensor(sum, shape: maps.first?.values.shape ?? []), score: maps.first?.score ?? 0,
      baselineScore: scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count),
      passes: maps.reduce(Passes()) { $0 + $1.passes },
      steps: steps.isEmpty ? nil : steps.reduce(0, +), estimatedError: errors.max(),
      rules: maps.flatMap(\.rules),
      baselines: maps.map {
        BaselineResult(
          baselineScore: $0.baselineScore, attributionSum: $0.sum,
          completenessError: $0.completenessError)
      })
  }

  /// The same map with its elements under another shape.
  package func reshaped(to shape: Shape) -> AttributionMap {
    AttributionMap(
      values: values.reshaped(to: shape), score: score, baselineScore: baselineScore,
      passes: passes, steps: steps, estimatedError: estimatedError, rules: rules,
      baselines: baselines)
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

/// What one of several baselines gave.
public struct BaselineResult: Sendable, Codable {
  /// The score at the baseline.
  public let baselineScore: Double?
  /// The sum of the attributions.
  public let attributionSum: Double
  /// The sum less the difference of the scores.
  public let completenessError: Double
}
