package import Graphs
package import Tensors

/// A point of a function, what it is compared with, and which of its scores are explained.
package struct Problem {
  /// Chooses the scores to explain, given all scores of the point.
  package typealias Targets = (_ scores: [Double]) throws(ModelError) -> [Int]

  package let function: ModelFunction
  /// A batch of one row.
  package let point: Tensor
  /// What the point is compared with: a batch of one row.
  package var baseline: Tensor
  /// All that it is compared with, for methods that draw from several.
  package var references: [Tensor]
  /// What the point has in the place of inputs that the function holds, where it differs from point to
  /// point.
  package var others: ModelFunction.Others = [:]
  package let targets: Targets
  /// How many scores that chooses.
  package var targetCount = 1
  /// All scores of the point, where they are known already.
  package var knownScores: [Double]?
  /// What random numbers depend on.
  package let randomness: Randomness
  /// Told of the share that is done; what it throws ends the run.
  package var progress: (Double) throws -> Void

  /// The seed of a run, and what tells one sample from another.
  package struct Randomness {
    package let seed: UInt64
    package let digest: String

    package init(seed: UInt64 = 0, digest: String = "") {
      self.seed = seed
      self.digest = digest
    }

    /// Random numbers for one purpose.
    package func noise(_ purpose: String) -> SampleNoise {
      SampleNoise(seed: seed, digest: digest, purpose: purpose)
    }
  }

  package init(
    _ function: ModelFunction, at point: Tensor, baseline: Tensor, references: [Tensor] = [],
    randomness: Randomness = Randomness(), targets: @escaping Targets,
    progress: @escaping (Double) throws -> Void = { _ in }
  ) {
    self.function = function
    self.point = point
    self.baseline = baseline
    self.references = references
    self.randomness = randomness
    self.targets = targets
    self.progress = progress
  }

  /// A point one of whose scores is explained.
  package init(
    _ function: ModelFunction, at point: Tensor, baseline: Tensor, target: Int,
    references: [Tensor] = [], randomness: Randomness = Randomness(), scores: [Double]? = nil
  ) {
    self.init(
      function, at: point, baseline: baseline, references: references, randomness: randomness,
      targets: { _ in [target] })
    knownScores = scores
  }

  /// The scores at the point and the targets among them, for one forward pass.
  package func scored() throws(ModelError) -> (scores: [Double], targets: [Int]) {
    var scores = knownScores ?? []
    if knownScores == nil { scores = try function.scores(at: point)[0] }
    return (scores, try targets(scores))
  }

  /// One map for each target, each told of its share of the progress.
  ///
  /// - Parameter body: computes the attributions of a score, float64, of the shape of a point.
  package func mapped(
    _ body: (_ target: Int, _ progress: (Double) throws -> Void) throws -> Tensor
  ) throws -> [TargetedMap] {
    let (scores, targets) = try scored()
    return try targets.enumerated().map { number, target in
      let before = function.passes
      let values = try body(target) { share in
        try progress((Double(number) + share) / Double(targets.count))
      }
      let passes = Passes(forward: knownScores == nil ? 1 : 0) + (function.passes - before)
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: values, score: scores[target], baselineScore: nil, passes: passes))
    }
  }
}
