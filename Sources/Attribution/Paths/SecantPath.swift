import Foundation
import Graphs
import Kernels
import Rewrites
import Tensors

/// Integrated Gradients to a given error, from mean gradients of the pieces of a path.
///
/// A piece takes one backward pass by `PathMeanRules`, which average each nonlinearity over the piece, so
/// that a ReLU that switches inside it costs no error of its own. The error of n pieces falls like
/// n^(-3/2), where that of any rule on gradients at points falls like 1/n, and the sum is always
/// complete.
///
/// What is left comes from nonlinearities one behind the other that switch in one piece. With d the
/// difference of the mean gradients of two neighbouring pieces, both of size g, and h their distance, it is
/// about |d| h / 12^(1/2), the error of a point in the middle, times |d| / g, the share that switches.
/// These estimates are independent from piece to piece, so their squares are added. Where they are equal
/// pieces are well placed: as many per unit of the path as (|d|² / (h g))^(1/2) says.
struct SecantPath {
  /// The largest error of usual maps from n pieces times n^(3/2): for the first number of
  /// pieces.
  private static let usualError = 3.2
  /// Pieces of the first round, if the usual number for the tolerance is larger.
  private static let pilotCount = 16
  /// Pieces after which a tolerance counts as out of reach.
  private static let largestCount = 8192
  /// What the estimate is multiplied by; without it, errors of eight networks were .2 to 1.35 times it.
  private static let safety = 1.6
  private static let batchSize = 16

  private let function: ModelFunction
  private let plan: PathPlan
  private let baseline: Tensor
  private let point: Tensor
  private let difference: [Double]
  private let target: Int

  /// - Throws: `ModelError` if the model has nodes that have no mean slope.
  init(
    _ function: ModelFunction, from baseline: Tensor, to point: Tensor, target: Int
  ) throws(ModelError) {
    self.function = function
    self.target = target
    self.baseline = baseline
    self.point = point
    difference = zip(point.doubles, baseline.doubles).map { $0 - $1 }
    plan = try function.meanPlan(for: min(Self.batchSize, function.batchSize), sums: false)
  }

  /// The integral, its relative L2 error below `tolerance` as it is estimated.
  ///
  /// - Throws: `ModelError` if that takes too many pieces; what the progress throws.
  func integral(
    within tolerance: Double, progress: (Double) throws -> Void
  ) throws -> PathIntegral {
    let usual = Int(pow(Self.usualError / tolerance, 2.0 / 3).rounded(.up))
    var edges = Self.grid(min(max(usual, 4), Self.pilotCount), density: nil)
    var steps = 0
    while true {
      let round = try sum(edges)
      steps += edges.count - 1
      let size = round.sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let error = round.error == 0 ? 0 : round.error / size
      if error <= tolerance {
        return PathIntegral(
          values: Tensor(round.sum, shape: function.pointShape), steps: steps,
          estimatedError: error)
      }
      let wanted = Double(edges.count - 1) * pow(0.8 * error / tolerance, 2.0 / 3)
      guard wanted.isFinite, wanted < Double(Self.largestCount) else {
        throw ModelError(
          "tolerance \(tolerance) is out of reach: judged by the first \(steps) evaluations it takes more "
            + "than \(Self.largestCount); give a larger tolerance, or a number of steps",
          kind: .usage)
      }
      try progress(min(0.9, pow(tolerance / error, 2.0 / 3)))
      edges = Self.grid(max(Int(wanted.rounded(.up)), edges.count + 3), density: round.density)
    }
  }

  /// What one round over the pieces between these edges gives.
  private struct Round {
    /// The attributions.
    var sum: [Double]
    /// The estimated L2 error of them.
    var error: Double
    /// Up to which position, and how densely before it, pieces should lie.
    var density: [(end: Double, value: Double)]
  }

  private func sum(_ edges: [Double]) throws -> Round {
    var sum = [Double](repeating: 0, count: difference.count)
    var squaredError = 0.0
    var density: [(end: Double, value: Double)] = []
    var previous: (values: [Double], size: Double, middle: Double)?
    let batches = PathBatch.pieces(between: edges, rows: plan.rows)
    let shape = Shape([plan.rows] + function.pointShape)
    try plan.run(from: baseline, to: point, targets: [target], batches: batches) {
      batch, _, outputs in
      let contributions = function.workspace.rowMajor(outputs[0]).reshaped(to: shape)
      let positions = batches[batch].positions
      for piece in 0..<(positions.count - 1) {
        let (start, end) = (positions[piece], positions[piece + 1])
        var values = contributions.rows(piece..<(piece + 1)).doubles
        for index in values.indices {
          let contribution = values[index] * difference[index]
          sum[index] += contribution
          values[index] = contribution / (end - start)
        }
        let middle = (start + end) / 2
        let size = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if let previous {
          var disagreement = 0.0
          for (a, b) in zip(values, previous.values) { disagreement += (a - b) * (a - b) }
          let distance = middle - previous.middle
          let share = min(1, disagreement / max(size * previous.size, .leastNonzeroMagnitude))
          squaredError += disagreement * share * distance * distance / 12
          density.append((middle, (share / distance * previous.size).squareRoot()))
        }
        previous = (values, size, middle)
      }
    }
    function.count(Passes(forward: edges.count + batches.count - 1, backward: edges.count - 1))
    return Round(sum: sum, error: Self.safety * squaredError.squareRoot(), density: density)
  }

  /// Edges of so many pieces, dense where `density` says it; near the baseline where it is not known.
  private static func grid(_ count: Int, density: [(end: Double, value: Double)]?) -> [Double] {
    guard let density, let last = density.last else {
      return PathBatch.edges(count)
    }
    // Some pieces lie everywhere, since a round may have missed what happens between.
    let mean = density.reduce(0) { $0 + $1.value } / Double(density.count)
    let parts = (density.dropLast() + [(end: 1, value: last.value)]).map {
      (end: $0.end, value: $0.value + 0.1 * mean)
    }
    var start = 0.0
    var total = 0.0
    for part in parts {
      total += (part.end - start) * part.value
      start = part.end
    }
    guard total > 0 else { return (0...count).map { Double($0) / Double(count) } }
    var edges = [0.0]
    var place = (part: 0, start: 0.0, mass: 0.0)
    for number in 1..<count {
      let wanted = total * Double(number) / Double(count)
      while place.part < parts.count - 1,
        place.mass + (parts[place.part].end - place.start) * parts[place.part].value < wanted
      {
        place.mass += (parts[place.part].end - place.start) * parts[place.part].value
        place.start = parts[place.part].end
        place.part += 1
      }
      edges.append(
        min(1, place.start + (wanted - place.mass) / parts[place.part].value))
    }
    return edges + [1]
  }
}
