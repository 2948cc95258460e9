import Foundation
import Graphs
import Tensors

/// Integrated Gradients refined until the estimated error of the map is small.
///
/// Between ReLUs that switch, the gradient along the path is constant, so what two neighbouring points
/// disagree by is one or several jumps somewhere between them. The trapezoid rule is wrong by such a jump
/// times its distance from the middle of the gap, whose mean square is a twelfth of the gap's squared
/// length. These estimates add up over the gaps, since jumps are independent; new points go where they
/// lower the sum most, and no gradient is thrown away.
struct AdaptivePath {
  /// What the estimate is multiplied by, since jumps of several ReLUs in a gap may cancel out.
  static let safety = 1.5
  /// Evaluations after which a tolerance counts as out of reach.
  static let largestCount = 4096
  /// Bytes that the gradients of one path may take.
  private static let memoryLimit = 2 << 30
  /// Points of the first round and, at most, of each further one.
  private static let batchSize = 16

  /// A point of the path and what the integrand is there: gradient times difference of the ends.
  private struct Point {
    let position: Double
    let values: [Float]
  }

  private let function: ModelFunction
  private let baseline: [Double]
  private let difference: [Double]
  private let shape: Shape
  private let target: Int
  private var points: [Point] = []
  /// For each gap but the first, which lies before the first point, the squared norm of what its ends
  /// disagree by.
  private var disagreements: [Double] = []

  init(_ function: ModelFunction, from baseline: Tensor, to point: Tensor, target: Int) {
    self.function = function
    self.baseline = baseline.doubles
    difference = zip(point.doubles, self.baseline).map { $0 - $1 }
    shape = point.shape
    self.target = target
  }

  /// The integral, its relative L2 error below `tolerance` as it is estimated.
  ///
  /// - Throws: `ModelError` if that takes too many evaluations; what the progress throws.
  mutating func integral(
    within tolerance: Double, progress: (Double) throws -> Void
  ) throws -> PathIntegral {
    let rows = function.rowsTaken(for: min(Self.batchSize, function.batchSize))
    let count = max(rows, 8)
    // Midpoints of a grid that is dense near the baseline, and the end.
    try add(
      Quadrature.warped(power: 2).nodes(count - 1).map(\.position) + [1])
    while true {
      let sum = sum()
      let size = Self.norm(sum)
      let error = Self.safety * errors().reduce(0, +).squareRoot()
      let relative = error == 0 ? 0 : error / size
      if relative <= tolerance {
        return PathIntegral(
          values: Tensor(sum, shape: function.pointShape), steps: points.count,
          estimatedError: relative)
      }
      let bytes = difference.count * MemoryLayout<Float>.stride
      guard points.count < Self.largestCount, points.count * bytes < Self.memoryLimit,
        relative.isFinite
      else {
        throw ModelError(
          "the estimated error of the map is still \(Self.text(relative)) after \(points.count) "
            + "evaluations; give a larger tolerance, or a number of steps", kind: .usage)
      }
      // The error falls about like the inverse of the number of points.
      try progress(min(0.99, tolerance / relative))
      try add(positions(rows))
    }
  }

  /// The expected squared error of the integral over each gap.
  private func errors() -> [Double] {
    points.indices.map { index in
      let position = points[index].position
      guard index > 0 else {
        // As many jumps, for its length, as in the next gap; each counts with its whole distance.
        guard points.count > 1 else { return .infinity }
        let next = points[1].position - position
        return disagreements[1] * position / next * position * position / 3
      }
      let gap = position - points[index - 1].position
      return disagreements[index] * gap * gap / 12
    }
  }

  /// So many new positions, where they lower the error most: `count` points in a gap divide its squared
  /// error by (count + 1) squared.
  private func positions(_ count: Int) -> [Double] {
    let errors = errors()
    var counts = [Int](repeating: 0, count: errors.count)
    func gain(_ index: Int) -> Double {
      let parts = Double(counts[index] + 1)
      return errors[index] * (1 / (parts * parts) - 1 / ((parts + 1) * (parts + 1)))
    }
    for _ in 0..<count {
      guard let best = errors.indices.max(by: { gain($0) < gain($1) }) else { break }
      counts[best] += 1
    }
    return counts.indices.flatMap { index in
      let start = index == 0 ? 0 : points[index - 1].position
      let gap = points[index].position - start
      return (0..<counts[index]).map {
        start + gap * Double($0 + 1) / Double(counts[index] + 1)
      }
    }
  }

  /// Evaluates the integrand at these positions.
  private mutating func add(_ positions: [Double]) throws {
    let rows = positions.map { position in
      Tensor(zip(baseline, difference).map { $0 + position * $1 }, shape: shape)
    }
    let batch = Tensor(stacking: rows).converted(to: function.elementType)
    let gradients = try function.gradients(
      at: batch, targets: [Int](repeating: target, count: rows.count)
    ).gradients
    for (row, position) in positions.enumerated() {
      let values = zip(gradients.rows(row..<(row + 1)).doubles, difference).map {
        Float($0 * $1)
      }
      points.append(Point(position: position, values: values))
    }
    points.sort { $0.position < $1.position }
    disagreements = points.indices.map { index in
      index == 0 ? 0 : Self.squaredDistance(points[index].values, points[index - 1].values)
    }
  }

  /// The trapezoid rule over the points, the first one's value taken for all before it.
  private func sum() -> [Double] {
    var sum = [Double](repeating: 0, count: difference.count)
    for (index, point) in points.enumerated() {
      let start = index == 0 ? -point.position : points[index - 1].position
      let end = index + 1 < points.count ? points[index + 1].position : point.position
      let weight = (end - start) / 2
      for (element, value) in point.values.enumerated() {
        sum[element] += weight * Double(value)
      }
    }
    return sum
  }

  private static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  private static func squaredDistance(_ a: [Float], _ b: [Float]) -> Double {
    var sum = 0.0
    for index in a.indices {
      let difference = Double(a[index]) - Double(b[index])
      sum += difference * difference
    }
    return sum
  }

  private static func text(_ error: Double) -> String { String(format: "%.3g", error) }
}
