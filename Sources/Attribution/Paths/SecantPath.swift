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
///
/// Several scores share the forward passes of the first round, whose pieces depend on none of them; the
/// pieces of the others are placed for one score, and would be worse for another.
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
  private let targets: [Int]

  /// - Throws: `ModelError` if the model has nodes that have no mean slope.
  init(
    _ function: ModelFunction, from baseline: Tensor, to point: Tensor, targets: [Int]
  ) throws(ModelError) {
    self.function = function
    self.targets = targets
    self.baseline = baseline
    self.point = point
    difference = zip(point.doubles, baseline.doubles).map { $0 - $1 }
    plan = try function.meanPlan(for: min(Self.batchSize, function.batchSize), sums: false)
  }

  /// The integral of each score, its relative L2 error below `tolerance` as it is estimated.
  ///
  /// - Throws: `ModelError` if that takes too many pieces; what the progress throws.
  func integrals(
    within tolerance: Double, progress: (Double) throws -> Void
  ) throws -> [PathIntegral] {
    let usual = Int(pow(Self.usualError / tolerance, 2.0 / 3).rounded(.up))
    let edges = Self.grid(min(max(usual, 4), Self.pilotCount), density: nil)
    let pilots = try rounds(edges, of: targets)
    return try zip(targets, pilots).enumerated().map { number, pilot in
      try integral(of: pilot.0, within: tolerance, after: pilot.1, over: edges) {
        try progress((Double(number) + $0) / Double(targets.count))
      }
    }
  }

  /// The integral of one score, given its first round.
  private func integral(
    of target: Int, within tolerance: Double, after pilot: Round, over first: [Double],
    progress: (Double) throws -> Void
  ) throws -> PathIntegral {
    var (round, edges) = (pilot, first)
    var steps = edges.count - 1
    while true {
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
      round = try rounds(edges, of: [target])[0]
      steps += edges.count - 1
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

  /// A round for each of some scores, over the same pieces.
  private func rounds(_ edges: [Double], of targets: [Int]) throws -> [Round] {
    var sums = targets.map { _ in RunningRound(count: difference.count) }
    let batches = PathBatch.pieces(between: edges, rows: plan.points)
    let shape = Shape([plan.points] + function.pointShape)
    try plan.run(
      along: [PathLine(from: baseline, to: point)], targets: targets.map { [$0] }, batches: batches
    ) { batch, target, outputs in
      let contributions = function.workspace.rowMajor(outputs[0]).reshaped(to: shape)
      let positions = batches[batch].positions
      for piece in 0..<(positions.count - 1) {
        sums[target].add(
          contributions.rows(piece..<(piece + 1)).doubles, difference,
          from: positions[piece], to: positions[piece + 1])
      }
    }
    let pieces = edges.count - 1
    function.count(
      Passes(forward: pieces + batches.count, backward: pieces * targets.count))
    return sums.map {
      Round(sum: $0.sum, error: Self.safety * $0.squaredError.squareRoot(), density: $0.density)
    }
  }

  /// A round as its pieces come.
  private struct RunningRound {
    var sum: [Double]
    var squaredError = 0.0
    var density: [(end: Double, value: Double)] = []
    private var previous: (values: [Double], size: Double, middle: Double)?

    init(count: Int) { sum = [Double](repeating: 0, count: count) }

    /// - Parameters:
    ///   - gradients: the mean gradients of the piece times its length.
    ///   - difference: that of the ends of the path.
    mutating func add(
      _ gradients: [Double], _ difference: [Double], from start: Double, to end: Double
    ) {
      var values = gradients
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
