import Graphs
import Tensors

/// The samples that noise is added to an input for, and the method whose maps of them are joined.
package struct Smoothing: Sendable {
  /// Noisy samples.
  package let samples: Int
  /// The standard deviation of the noise, as a share of the input's largest less its least element.
  package let sigma: Double
  /// What is computed of each.
  package let inner: Method

  static let usage = "[:SAMPLES][:sigma=S][:of=METHOD]"

  init(_ settings: inout MethodSettings) throws(ModelError) {
    samples = try settings.count(in: 1...Integration.largestStepCount) ?? 50
    sigma = try settings.number("sigma", in: 0...10) ?? 0.15
    guard let text = settings.string("of") else {
      inner = .gradient
      return
    }
    let name = text.prefix { $0 != ":" }
    guard !Self.refused.contains(where: { $0 == name }) else {
      throw settings.error("of=\(name) is not possible; name gradient, ig or another method")
    }
    inner = try Method(text, defaults: settings.defaults)
  }

  private init(_ other: Smoothing, of inner: Method) {
    samples = other.samples
    sigma = other.sigma
    self.inner = inner
  }

  /// What joins maps itself, draws from other samples, or chooses a method for each baseline.
  private static let refused = [
    SmoothGrad.name, SmoothGradSquared.name, VarGrad.name, ExpectedGradients.name, Auto.name,
    Conductance.name,
  ]

  var settings: String {
    ":\(samples):sigma=\(sigma)" + (inner == .gradient ? "" : ":of=\(inner)")
  }

  /// The same with the method that the inner one comes to.
  func resolved(for problem: Problem) throws(ModelError) -> Smoothing {
    Smoothing(self, of: Method(try inner.rule.resolved(for: problem)))
  }

  /// A map for each target, of the moments of each element over the samples.
  ///
  /// Noise is drawn sample after sample, in each element after element; every target sees the same.
  func maps(
    of problem: Problem, _ join: (SampleMoments) -> [Double]
  ) throws -> [TargetedMap] {
    let scale = sigma * problem.point.range
    return try problem.mapped { target, progress in
      var noise = problem.randomness.noise("smoothgrad")
      var moments = SampleMoments(count: problem.point.elementCount)
      var undefined = 0
      let batch = inner.rule is any PointGradientMethod ? problem.function.batchSize : 1
      for first in stride(from: 0, to: samples, by: max(batch, 1)) {
        let numbers = first..<min(first + batch, samples)
        let points = numbers.map { _ in
          Tensor(
            problem.point.doubles.map { $0 + scale * noise.normal() }, shape: problem.point.shape
          ).converted(to: problem.point.elementType)
        }
        for (score, map) in try values(at: points, numbers, target, of: problem) {
          undefined += score.isFinite ? 0 : 1
          moments.add(map)
        }
        try progress(Double(numbers.upperBound) / Double(samples))
      }
      guard undefined == 0 else {
        throw ModelError(
          "score \(target) is not finite at \(undefined) of \(samples) noisy samples, where the model is "
            + "not defined; take a sigma below \(sigma)", kind: .usage)
      }
      return Tensor(join(moments), shape: problem.function.pointShape)
    }
  }

  /// The scores and inner maps of some samples.
  private func values(
    at points: [Tensor], _ numbers: Range<Int>, _ target: Int, of problem: Problem
  ) throws -> [(score: Double, map: [Double])] {
    if let rule = inner.rule as? any PointGradientMethod {
      return try values(rule, at: points, target, of: problem.function)
    }
    return try zip(numbers, points).map { number, point in
      let moved = Problem(
        problem.function, at: point, baseline: problem.baseline, references: problem.references,
        randomness: Problem.Randomness(
          seed: problem.randomness.seed,
          digest: "\(problem.randomness.digest)/smoothgrad \(number)"),
        targets: { _ in [target] }, progress: { _ in try problem.progress(0) })
      let map = try inner.rule.maps(of: moved)[0].map
      return (map.score, map.values.doubles)
    }
  }

  private func values<Rule: PointGradientMethod>(
    _ rule: Rule, at points: [Tensor], _ target: Int, of function: ModelFunction
  ) throws(ModelError) -> [(score: Double, map: [Double])] {
    let factor = try rule.factor(for: function)
    let (scores, gradients) = try function.gradients(
      at: Tensor(stacking: points), targets: Array(repeating: target, count: points.count))
    return points.enumerated().map { row, point in
      (scores[row], Rule.values(gradients.rows(row..<(row + 1)).doubles, point, factor))
    }
  }
}

/// The mean and the spread of each element of some maps, one map at a time (Welford, 1962).
struct SampleMoments {
  private(set) var mean: [Double]
  private(set) var meanOfSquares: [Double]
  private var squaredDeviations: [Double]
  private var count = 0.0

  init(count: Int) {
    mean = [Double](repeating: 0, count: count)
    meanOfSquares = mean
    squaredDeviations = mean
  }

  /// The variance over the samples, not of what they are drawn from.
  var variance: [Double] { squaredDeviations.map { $0 / max(count, 1) } }

  mutating func add(_ values: [Double]) {
    count += 1
    for index in mean.indices {
      let difference = values[index] - mean[index]
      mean[index] += difference / count
      squaredDeviations[index] += difference * (values[index] - mean[index])
      meanOfSquares[index] += (values[index] * values[index] - meanOfSquares[index]) / count
    }
  }
}

extension Tensor {
  /// The largest element less the least.
  fileprivate var range: Double {
    let elements = doubles
    guard let low = elements.min(), let high = elements.max() else { return 0 }
    return high - low
  }
}
