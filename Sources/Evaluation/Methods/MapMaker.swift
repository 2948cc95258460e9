package import Attribution
package import Graphs
package import Tensors

/// A sample as one model sees it, and the score of it that is explained.
package struct ExplainedPoint: Sendable {
  /// A batch of one row.
  package let point: Tensor
  /// What it is compared with.
  package let baseline: Tensor
  /// Other samples, for expected gradients.
  package let references: [Tensor]
  /// The digest of the sample, which random numbers depend on.
  package let digest: String
  /// The index of the score.
  package let target: Int

  /// The same sample moved a little.
  func moved(to point: Tensor) -> ExplainedPoint {
    ExplainedPoint(
      point: point, baseline: baseline, references: references, digest: digest, target: target)
  }
}

/// An attribution and what it cost.
package struct CostedMap {
  /// One number per element of the point, float64.
  package let values: Tensor
  /// Evaluations that it takes.
  package let passes: Passes
  /// Seconds that it took.
  package let seconds: Double
}

/// Computes maps of many samples with one model, in batches that hold rows of several.
package final class MapMaker {
  private let function: ModelFunction
  private let seed: UInt64
  private let degree: Int?
  private let clock = ContinuousClock()

  package init(_ function: ModelFunction, seed: UInt64) throws(ModelError) {
    self.function = function
    self.seed = seed
    degree = try function.homogeneity().degree
  }

  /// Whether a method is defined for this model and these baselines.
  package func applies(_ method: MethodChoice, zeroBaseline: Bool) -> Bool {
    method.rule != .xGradient || degree != nil && zeroBaseline
  }

  /// The maps of these points by each of the methods: for each point, in their order.
  ///
  /// Methods that read the same gradient share it.
  ///
  /// - Parameter isStopped: asked between points of methods that take long; if so, only the points that
  ///   are complete are returned.
  package func maps(
    of points: [ExplainedPoint], by methods: [MethodChoice], isStopped: () -> Bool = { false }
  ) throws -> [[CostedMap]] {
    var quick: [MethodChoice: [CostedMap]] = [:]
    let oneGradient = methods.filter(\.readsOneGradient)
    if !oneGradient.isEmpty {
      let gradients = try gradients(of: points)
      for method in oneGradient { quick[method] = maps(method, gradients, of: points) }
    }
    for method in methods {
      if case .expectedGradients(let samples) = method.rule {
        quick[method] = try expectedGradients(of: points, samples)
      }
    }
    var maps: [[CostedMap]] = []
    for (index, point) in points.enumerated() {
      if isStopped() { break }
      maps.append(
        try methods.map { method in try quick[method]?[index] ?? alone(method, point) })
    }
    return maps
  }

  /// The map of a method whose points run one by one.
  private func alone(_ method: MethodChoice, _ point: ExplainedPoint) throws -> CostedMap {
    guard case .integratedGradients(let steps, let quadrature) = method.rule else {
      return random(point)
    }
    let start = clock.now
    let values = try function.pathAttribution(
      at: point.point, from: point.baseline, target: point.target, nodes: quadrature.nodes(steps))
    return CostedMap(
      values: values, passes: Passes(forward: steps + 2, backward: steps),
      seconds: (clock.now - start) / .seconds(1))
  }

  private func random(_ point: ExplainedPoint) -> CostedMap {
    var noise = SampleNoise(seed: seed, digest: point.digest, purpose: "random attribution")
    let numbers = (0..<function.pointShape.elementCount).map { _ in noise.normal() }
    return CostedMap(
      values: Tensor(numbers, shape: function.pointShape), passes: Passes(), seconds: 0)
  }

  /// The gradient at each point, float64, and the seconds that each took.
  private func gradients(
    of points: [ExplainedPoint]
  ) throws(ModelError) -> (rows: [[Double]], seconds: Double) {
    let start = clock.now
    let gradients = try function.gradients(
      at: Tensor(stacking: points.map(\.point)), targets: points.map(\.target)
    ).gradients
    let rows = points.indices.map { gradients.rows($0..<($0 + 1)).doubles }
    return (rows, (clock.now - start) / .seconds(1) / Double(points.count))
  }

  private func maps(
    _ method: MethodChoice, _ gradients: (rows: [[Double]], seconds: Double),
    of points: [ExplainedPoint]
  ) -> [CostedMap] {
    zip(points, gradients.rows).map { point, gradient in
      var values = gradient
      if method.rule != .gradient {
        let degree = method.rule == .xGradient ? Double(degree ?? 1) : 1
        for (index, element) in point.point.doubles.enumerated() {
          values[index] *= element / degree
        }
      }
      return CostedMap(
        values: Tensor(values, shape: function.pointShape), passes: Passes(forward: 1, backward: 1),
        seconds: gradients.seconds)
    }
  }

  private func expectedGradients(
    of points: [ExplainedPoint], _ samples: Int
  ) throws(ModelError) -> [CostedMap] {
    let start = clock.now
    var sums = points.map { [Double](repeating: 0, count: $0.point.elementCount) }
    var noises = points.map {
      SampleNoise(seed: seed, digest: $0.digest, purpose: "expected gradients")
    }
    let pairs = points.indices.flatMap { point in (0..<samples).map { (point, $0) } }
    for first in stride(from: 0, to: pairs.count, by: function.batchSize) {
      let batch = pairs[first..<min(first + function.batchSize, pairs.count)]
      var between: [Tensor] = []
      var differences: [[Double]] = []
      for (place, sample) in batch {
        let point = points[place]
        let reference = point.references[sample % point.references.count].doubles
        let share = noises[place].uniform()
        let difference = zip(point.point.doubles, reference).map { $0 - $1 }
        between.append(
          Tensor(
            zip(reference, difference).map { $0 + share * $1 }, shape: point.point.shape
          ).converted(to: point.point.elementType))
        differences.append(difference)
      }
      let gradients = try function.gradients(
        at: Tensor(stacking: between), targets: batch.map { points[$0.0].target }
      ).gradients
      for (row, (place, _)) in batch.enumerated() {
        let gradient = gradients.rows(row..<(row + 1)).doubles
        for index in gradient.indices {
          sums[place][index] += gradient[index] * differences[row][index] / Double(samples)
        }
      }
    }
    let seconds = (clock.now - start) / .seconds(1) / Double(max(points.count, 1))
    return sums.map {
      CostedMap(
        values: Tensor($0, shape: function.pointShape),
        passes: Passes(forward: samples, backward: samples), seconds: seconds)
    }
  }
}

extension MethodChoice {
  /// Whether one gradient at the point is all that the map is made from.
  fileprivate var readsOneGradient: Bool {
    rule == .gradient || rule == .inputXGradient || rule == .xGradient
  }
}
