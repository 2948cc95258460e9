import Foundation
import Graphs
import Tensors

/// Where on a path the gradient changes, as few scores along it tell, and the warped grid that fits.
///
/// Let J(a) be the rate at which the slope of the scores changes in square: high where many ReLUs switch.
/// A midpoint stands for a piece of length 1 / (n w) where w is the density of n midpoints, so the map's
/// squared error is about the integral of J(a) / (n w(a))². Midpoints of power p have the density
/// a^(1/p - 1) / p. The scores are taken at few points, their slope between neighbours is a mean, and
/// what it changes by says J around the point between; of the powers that of least error is taken.
///
/// All scores count, not the explained one alone: they are many, and targets of one sample get one grid.
package struct WarpPilot {
  /// Where scores are taken, both ends included.
  package static let positions = (0...6).map { (Double($0) / 6) * (Double($0) / 6) }
  /// What is chosen from; the first where all are as good, as on a straight line.
  package static let powers = [1, 1.5, 2, 3]

  /// The power of least error.
  package let power: Double

  /// How far rounding moves scores, relative: changes of slope that it may have made are none.
  private static let rounding = 1e-6

  /// The rule of that power.
  var rule: Quadrature { .warped(power: power) }

  /// - Parameter scores: at each of the positions.
  package init(_ scores: [[Double]]) {
    let bends = Self.bends(scores)
    let errors = Self.powers.map { power in
      (power: power, error: bends.reduce(0) { $0 + $1.squaredError(power) })
    }
    let finite = errors.filter(\.error.isFinite)
    power = finite.min { $0.error < $1.error }?.power ?? Quadrature.defaultPower
  }

  /// A part of the path with the rate J of its bends.
  private struct Bends {
    let start: Double
    let end: Double
    let rate: Double

    /// The part of the squared error times n².
    func squaredError(_ power: Double) -> Double {
      let degree = 3 - 2 / power
      return rate * power * power * (pow(end, degree) - pow(start, degree)) / degree
    }
  }

  /// The rates around each inner position, out to the middles of the pieces beside it.
  private static func bends(_ scores: [[Double]]) -> [Bends] {
    guard scores.count == positions.count else { return [] }
    let inner = 1..<(positions.count - 1)
    return inner.map { place in
      let (before, here, after) = (positions[place - 1], positions[place], positions[place + 1])
      var (change, size) = (0.0, 0.0)
      for (left, (middle, right)) in zip(scores[place - 1], zip(scores[place], scores[place + 1])) {
        let difference = (right - middle) / (after - here) - (middle - left) / (here - before)
        change += difference * difference
        size += max(left * left, middle * middle, right * right)
      }
      let blur = rounding * (1 / (after - here) + 1 / (here - before))
      if change <= blur * blur * size { change = 0 }
      // A bend shows less the farther it is from the place between two means: by a third on average.
      return Bends(
        start: place == inner.lowerBound ? 0 : (before + here) / 2,
        end: place == inner.upperBound - 1 ? 1 : (here + after) / 2,
        rate: change / ((after - before) / 3))
    }
  }
}

extension Method {
  /// The same with the power that a pilot finds on one path, where it is left to a pilot.
  func settled(
    on function: ModelFunction, from baseline: Tensor, to point: Tensor
  ) throws(ModelError) -> Method {
    guard case .piloted(let count)? = integration else { return self }
    let scores = try function.pilotScores(from: baseline, to: point)
    let settled = Integration.steps(count, WarpPilot(scores).rule)
    return Method(rule is Auto ? Auto(MethodDefaults(settled)) : IntegratedGradients(settled))
  }
}

extension ModelFunction {
  /// All scores at the pilot's positions on the line between two points, both ends included.
  func pilotScores(from baseline: Tensor, to point: Tensor) throws(ModelError) -> [[Double]] {
    let (start, end) = (baseline.doubles, point.doubles)
    let inner = WarpPilot.positions.dropFirst().dropLast().map { position in
      Tensor(zip(start, end).map { $0 + position * ($1 - $0) }, shape: point.shape)
        .converted(to: elementType)
    }
    return try scores(at: Tensor(stacking: [baseline] + inner + [point]))
  }
}
