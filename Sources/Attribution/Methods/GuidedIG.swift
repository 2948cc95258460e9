package import Graphs
import Tensors

/// Integrated Gradients along a path that moves the elements of small gradients first (Kapishnikov et
/// al., 2021, arXiv 2106.09788).
///
/// In each of N steps the share `fraction` of elements with the smallest gradients moves toward the input
/// until the L1 distance to it has shrunk by an N-th; no element strays from the straight line by more
/// than `distance` of its length. What moved is multiplied by the gradient that `StepRule` chooses and added
/// up; by `left`, that at the beginning of the step, as in the authors' program. Steps run one after the
/// other.
package struct GuidedIG: AttributionMethod {
  package static let name = "guided-ig"
  package static let title = "Guided IG"
  package static let summary = "Integrated Gradients, small gradients first."
  package static let usage = "[:STEPS][:fraction=F][:distance=D]\(StepRule.usage)"

  private let steps: Int
  private let fraction: Double
  private let distance: Double
  private let rule: StepRule

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 200
    fraction = try settings.number("fraction", in: 0.001...1) ?? 0.25
    distance = try settings.number("distance", in: 0...1) ?? 0.02
    rule = try StepRule(&settings)
  }

  package var settings: String {
    ":\(steps)" + (fraction == 0.25 ? "" : ":fraction=\(fraction)")
      + (distance == 0.02 ? "" : ":distance=\(distance)") + rule.settings
  }
  package var usesBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }
  package var stepRule: StepRule? { rule }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let gradients = try function.stepGradients(points: 1, by: rule)
    let (scores, targets) = try problem.scored()
    let start = try function.scores(at: problem.baseline)[0]
    return try targets.enumerated().map { number, target in
      let before = function.passes
      let values = try attributions(problem, target, gradients) {
        try problem.progress((Double(number) + $0) / Double(targets.count))
      }
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(values, shape: function.pointShape), score: scores[target],
          baselineScore: start[target],
          passes: Passes(forward: 2) + (function.passes - before), steps: steps,
          rules: rule == .automatic ? [gradients.rule.rawValue] : []))
    }
  }

  private func attributions(
    _ problem: Problem, _ target: Int, _ gradients: StepGradients,
    progress: (Double) throws -> Void
  ) throws -> [Double] {
    func tensor(_ place: [Double]) -> Tensor {
      Tensor(place, shape: problem.point.shape).converted(to: problem.point.elementType)
    }
    var path = GuidedPath(
      from: problem.baseline.doubles, to: problem.point.doubles, fraction: fraction,
      distance: distance)
    var sum = [Double](repeating: 0, count: problem.point.elementCount)
    func gradient(at place: [Double]) throws -> [Double] {
      try gradients.batch([tensor(place)], targets: [target]).gradients[0][0]
    }
    var here = try gradient(at: path.place)
    for step in 1...steps {
      let old = path.place
      path.advance(to: Double(step) / Double(steps), along: here)
      var factor = here
      if gradients.rule == .secant {
        // Of the last point of a way it is the gradient there, which the next step begins with.
        let both = try gradients.batch([tensor(old), tensor(path.place)], targets: [target])
        (factor, here) = (both.gradients[0][0], both.gradients[0][1])
      } else if step < steps || gradients.rule == .trapezoid {
        here = try gradient(at: path.place)
        factor = gradients.factor(factor, here)
      }
      for index in sum.indices { sum[index] += (path.place[index] - old[index]) * factor[index] }
      try progress(Double(step) / Double(steps))
    }
    return sum
  }
}

/// A place on its way to the input.
struct GuidedPath {
  private(set) var place: [Double]
  private let start: [Double]
  private let end: [Double]
  private let fraction: Double
  private let distance: Double
  /// The L1 distance of the whole way.
  private let length: Double

  init(from start: [Double], to end: [Double], fraction: Double, distance: Double) {
    self.start = start
    self.end = end
    self.fraction = fraction
    self.distance = distance
    place = start
    length = zip(start, end).reduce(0) { $0 + abs($1.0 - $1.1) }
  }

  /// Moves on until this share of the way is done, given the gradient at the place.
  mutating func advance(to share: Double, along gradient: [Double]) {
    let (low, high) = (max(share - distance, 0), min(share + distance, 1))
    let wanted = length * (1 - share)
    let bound = zip(start, end).map { $0 + ($1 - $0) * high }
    // What cannot move any more counts as infinitely steep.
    var steepness = gradient.map(abs)
    while true {
      for index in place.indices {
        let (way, done) = (end[index] - start[index], place[index] - start[index])
        let isBehind = way == 0 ? high < low : done / way < low
        if isBehind { place[index] = start[index] + way * low }
      }
      let left = zip(place, end).reduce(0) { $0 + abs($1.0 - $1.1) }
      guard !Self.isClose(wanted, left) else { return }
      for index in place.indices where place[index] == bound[index] {
        steepness[index] = .infinity
      }
      let threshold = steepness.element(
        inOrder: Int(fraction * Double(steepness.count - 1)))
      let moving = steepness.indices.filter {
        steepness[$0] <= threshold && steepness[$0] != .infinity
      }
      let possible = moving.reduce(0) { $0 + abs(place[$1] - bound[$1]) }
      let part = possible > 0 ? (left - wanted) / possible : .infinity
      if part > 1 {
        for index in moving { place[index] = bound[index] }
      } else {
        for index in moving { place[index] += (bound[index] - place[index]) * max(part, 0) }
      }
      guard part > 1, !moving.isEmpty else { return }
    }
  }

  private static func isClose(_ a: Double, _ b: Double) -> Bool {
    abs(a - b) <= max(1e-9 * max(abs(a), abs(b)), 1e-9)
  }
}

extension [Double] {
  /// The element that would stand at this place if all were sorted (Hoare's selection).
  fileprivate func element(inOrder place: Int) -> Double {
    guard indices.contains(place) else { return .infinity }
    var elements = self
    var (low, high) = (0, count - 1)
    return elements.withUnsafeMutableBufferPointer { elements in
      while low < high {
        let pivot = elements[low + (high - low) / 2]
        var (left, right) = (low, high)
        while left <= right {
          while left < high, elements[left] < pivot { left += 1 }
          while right > low, elements[right] > pivot { right -= 1 }
          if left <= right {
            elements.swapAt(left, right)
            left += 1
            right -= 1
          }
        }
        if place <= right {
          high = right
        } else if place >= left {
          low = left
        } else {
          break
        }
      }
      return elements[place]
    }
  }
}
