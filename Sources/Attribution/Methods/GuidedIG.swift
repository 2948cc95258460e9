package import Graphs
import Tensors

/// Integrated Gradients along a path that moves the elements of small gradients first (Kapishnikov et
/// al., 2021, arXiv 2106.09788).
///
/// In each of N steps the share `fraction` of elements with the smallest gradients moves toward the input
/// until the L1 distance to it has shrunk by an N-th; no element strays from the straight line by more
/// than `distance` of its length. The gradient of the step times what moved is added up. As the authors'
/// program computes it; steps run one after the other, so batches do not help.
package struct GuidedIG: AttributionMethod {
  package static let name = "guided-ig"
  package static let title = "Guided IG"
  package static let summary = "Integrated Gradients, small gradients first."
  package static let usage = "[:STEPS][:fraction=F][:distance=D]"

  private let steps: Int
  private let fraction: Double
  private let distance: Double

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 200
    fraction = try settings.number("fraction", in: 0.001...1) ?? 0.25
    distance = try settings.number("distance", in: 0...1) ?? 0.02
  }

  package var settings: String {
    ":\(steps)" + (fraction == 0.25 ? "" : ":fraction=\(fraction)")
      + (distance == 0.02 ? "" : ":distance=\(distance)")
  }
  package var usesBaseline: Bool { true }
  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let (scores, targets) = try problem.scored()
    let start = try function.scores(at: problem.baseline)[0]
    return try targets.enumerated().map { number, target in
      let before = function.passes
      var path = GuidedPath(
        from: problem.baseline.doubles, to: problem.point.doubles, fraction: fraction,
        distance: distance)
      for step in 1...steps {
        let place = Tensor(path.place, shape: problem.point.shape)
          .converted(to: problem.point.elementType)
        let gradient = try function.gradients(at: place, choosing: { _ in [target] }).gradients[0]
        path.advance(to: Double(step) / Double(steps), along: gradient.doubles)
        try problem.progress(
          (Double(number) + Double(step) / Double(steps)) / Double(targets.count))
      }
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(path.attributions, shape: function.pointShape), score: scores[target],
          baselineScore: start[target],
          passes: Passes(forward: 2) + (function.passes - before), steps: steps))
    }
  }
}

/// A place on its way to the input, and what the way was worth so far.
struct GuidedPath {
  private(set) var place: [Double]
  private(set) var attributions: [Double]
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
    attributions = [Double](repeating: 0, count: start.count)
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
      let old = place
      for index in place.indices {
        let (way, done) = (end[index] - start[index], place[index] - start[index])
        let isBehind = way == 0 ? high < low : done / way < low
        if isBehind { place[index] = start[index] + way * low }
      }
      let left = zip(place, end).reduce(0) { $0 + abs($1.0 - $1.1) }
      guard !Self.isClose(wanted, left) else {
        credit(from: old, gradient)
        return
      }
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
      credit(from: old, gradient)
      guard part > 1, !moving.isEmpty else { return }
    }
  }

  private mutating func credit(from old: [Double], _ gradient: [Double]) {
    for index in place.indices {
      attributions[index] += (place[index] - old[index]) * gradient[index]
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
