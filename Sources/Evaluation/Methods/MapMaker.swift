package import Attribution
package import Graphs
package import Tensors

/// A sample as one model sees it, and the score of it that is explained.
package struct ExplainedPoint: Sendable {
  /// A batch of one row.
  package let point: Tensor
  /// What it is compared with, one at least; maps are averaged over them. Zeros where nothing reads them.
  package let baselines: [Tensor]
  /// What the sample has in the place of inputs that the function holds.
  package let others: ModelFunction.Others
  /// Other samples, for expected gradients.
  package let references: [Tensor]
  /// The digest of the sample, which random numbers depend on.
  package let digest: String
  /// The index of the score.
  package let target: Int
  /// All scores, where they are known.
  package let scores: [Double]?

  /// The same sample moved a little.
  func moved(to point: Tensor) -> ExplainedPoint {
    ExplainedPoint(
      point: point, baselines: baselines, others: others, references: references, digest: digest,
      target: target, scores: nil)
  }

  /// What a method is asked of it.
  func problem(_ function: ModelFunction, seed: UInt64) -> Problem {
    var problem = Problem(
      function, at: point, baseline: baselines.first ?? point.zeros(), target: target,
      references: references,
      randomness: Problem.Randomness(seed: seed, digest: digest), scores: scores)
    problem.others = others
    return problem
  }
}

/// An attribution and what it cost.
package struct CostedMap {
  /// One number per element of the point, float64.
  package let values: Tensor
  /// The score that its sum should start from, where that is not the one at the evaluation's baseline.
  package let start: Double?
  /// Evaluations that it takes.
  package let passes: Passes
  /// Seconds that it took.
  package let seconds: Double

  init(values: Tensor, start: Double? = nil, passes: Passes, seconds: Double) {
    self.values = values
    self.start = start
    self.passes = passes
    self.seconds = seconds
  }
}

/// What was computed of a point together with others.
package struct BegunMaps {
  /// The gradient at the point, float64, and the seconds that it took.
  fileprivate var gradient: (values: [Double], seconds: Double)?
  /// Integrated Gradients of few evaluations.
  fileprivate var integrals: [Method: CostedMap] = [:]
}

/// Computes maps of many samples with one model, in batches that hold rows of several.
package final class MapMaker {
  private let function: ModelFunction
  private let seed: UInt64
  private let clock = ContinuousClock()

  package init(_ function: ModelFunction, seed: UInt64) {
    self.function = function
    self.seed = seed
  }

  /// Whether a method is defined for this model and these baselines.
  package func applies(_ method: Method, zeroBaseline: Bool) throws(ModelError) -> Bool {
    guard method.rule is XGradient else { return true }
    let degree = try function.homogeneity().degree
    return zeroBaseline && degree != nil
  }

  /// What methods read that evaluate a model a few times only, computed for all of these points in common
  /// batches: for each point.
  ///
  /// - Parameter isStopped: asked between batches; if so, the rest is left to `maps`.
  package func begin(
    _ points: [ExplainedPoint], for methods: [Method], isStopped: () -> Bool = { false }
  ) throws -> [BegunMaps] {
    var begun = points.map { _ in BegunMaps() }
    guard !points.isEmpty else { return begun }
    if methods.contains(where: { $0.rule is any PointGradientMethod }) {
      let (rows, seconds) = try gradients(of: points)
      for (index, row) in rows.enumerated() { begun[index].gradient = (row, seconds) }
    }
    for method in methods {
      if let rule = method.rule as? IntegratedGradients, points.allSatisfy(\.others.isEmpty),
        try function.linesTogether(by: rule.integration) > 1
      {
        guard let maps = try integrated(rule.integration, points, isStopped: isStopped) else {
          break
        }
        for (index, map) in maps.enumerated() { begun[index].integrals[method] = map }
      }
    }
    return begun
  }

  /// The maps of these points by each of the methods: for each point, in their order.
  ///
  /// - Parameters:
  ///   - begun: what was computed of each point before, for these methods.
  ///   - isStopped: asked between points of methods that take long; if so, only the points that
  ///     are complete are returned.
  package func maps(
    of points: [ExplainedPoint], _ begun: [BegunMaps], by methods: [Method],
    isStopped: () -> Bool = { false }
  ) throws -> [[CostedMap]] {
    guard !points.isEmpty else { return [] }
    var expected: [Method: [CostedMap]] = [:]
    for method in methods {
      if let rule = method.rule as? ExpectedGradients {
        expected[method] = try expectedGradients(of: points, rule.samples)
      }
    }
    var maps: [[CostedMap]] = []
    for (index, (point, begun)) in zip(points, begun).enumerated() {
      if isStopped() { break }
      maps.append(
        try methods.map { method in
          if let map = expected[method]?[index] ?? begun.integrals[method] { return map }
          if let rule = method.rule as? any PointGradientMethod, let gradient = begun.gradient {
            return try map(rule, gradient, of: point)
          }
          return try alone(method, point)
        })
    }
    return maps
  }

  /// The map of a method whose points run one by one.
  private func alone(_ method: Method, _ point: ExplainedPoint) throws -> CostedMap {
    let start = clock.now
    function.hold(point.others)
    if let rule = method.rule as? IntegratedGradients,
      let maps = try integrated(rule.integration, [point])
    {
      return maps[0]
    }
    let result = try method.maps(
      of: point.problem(function, seed: seed), from: point.baselines
    ).maps[0].map
    return CostedMap(
      values: result.values, start: result.baselineScore ?? 0, passes: result.passes,
      seconds: (clock.now - start) / .seconds(1))
  }

  /// Integrated Gradients from each baseline; the scores at all ends are known. Nil if it is stopped.
  private func integrated(
    _ integration: Integration, _ points: [ExplainedPoint], isStopped: () -> Bool = { false }
  ) throws -> [CostedMap]? {
    let start = clock.now
    let before = function.passes
    let lines = points.flatMap { point in
      point.baselines.map { (line: PathLine(from: $0, to: point.point), target: point.target) }
    }
    let together = try function.linesTogether(by: integration)
    var values: [Tensor] = []
    for first in stride(from: 0, to: lines.count, by: together) {
      if isStopped() { return nil }
      let part = lines[first..<min(first + together, lines.count)]
      values += try function.pathIntegrals(
        along: part.map(\.line), targets: part.map(\.target), by: integration
      ).map(\.values)
    }
    let passes = function.passes - before
    let seconds = (clock.now - start) / .seconds(1) / Double(points.count)
    var first = 0
    return points.map { point in
      let count = point.baselines.count
      defer { first += count }
      let share = Passes(
        forward: 1 + count + passes.forward * count / lines.count,
        backward: passes.backward * count / lines.count)
      return CostedMap(
        values: Tensor(meanOf: Array(values[first..<(first + count)])), passes: share,
        seconds: seconds)
    }
  }

  /// The gradient at each point, float64, and the seconds that each took.
  private func gradients(
    of points: [ExplainedPoint]
  ) throws(ModelError) -> (rows: [[Double]], seconds: Double) {
    let start = clock.now
    let gradients = try function.gradients(
      at: Tensor(stacking: points.map(\.point)), targets: points.map(\.target),
      beside: points.map(\.others)
    ).gradients
    let rows = points.indices.map { gradients.rows($0..<($0 + 1)).doubles }
    return (rows, (clock.now - start) / .seconds(1) / Double(points.count))
  }

  private func map<Rule: PointGradientMethod>(
    _ rule: Rule, _ gradient: (values: [Double], seconds: Double), of point: ExplainedPoint
  ) throws(ModelError) -> CostedMap {
    CostedMap(
      values: Tensor(
        Rule.values(gradient.values, point.point, try rule.factor(for: function)),
        shape: function.pointShape),
      passes: Passes(forward: 1, backward: 1), seconds: gradient.seconds)
  }

  private func expectedGradients(
    of points: [ExplainedPoint], _ samples: Int
  ) throws(ModelError) -> [CostedMap] {
    let start = clock.now
    let maps = try ExpectedGradients.values(
      of: points.map { ($0.problem(function, seed: seed), $0.target) }, samples)
    let seconds = (clock.now - start) / .seconds(1) / Double(max(points.count, 1))
    return maps.map {
      CostedMap(
        values: $0, passes: Passes(forward: samples, backward: samples), seconds: seconds)
    }
  }
}

extension Tensor {
  /// The mean of float64 tensors of one shape, one at least.
  fileprivate init(meanOf tensors: [Tensor]) {
    guard let first = tensors.first, tensors.count > 1 else {
      self = tensors.first ?? Tensor([Double](), shape: [0])
      return
    }
    var sum = [Double](repeating: 0, count: first.elementCount)
    for tensor in tensors {
      for (index, value) in tensor.doubles.enumerated() { sum[index] += value }
    }
    self.init(sum.map { $0 / Double(tensors.count) }, shape: first.shape)
  }
}
