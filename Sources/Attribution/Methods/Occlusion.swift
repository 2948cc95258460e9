package import Graphs
import Tensors

/// What the score loses where a patch is replaced by the baseline, patch after patch (Zeiler and Fergus,
/// 2014, arXiv 1311.2901).
///
/// Patches begin at every multiple of the stride, cover all channels, and are cut off at the far border.
/// Every element gets the mean loss of the patches that cover it. Without settings a patch is a 14th of
/// the shorter side, rounded, and half of it the stride: 16 and 8 for 224 pixels, 5 and 2 for 64.
package struct Occlusion: AttributionMethod {
  package static let name = "occlusion"
  package static let title = "Occlusion"
  package static let summary = "What the score loses where patches are hidden."
  package static let usage = "[:patch=P][:stride=S]"

  private let patch: Int?
  private let stride: Int?

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    patch = try settings.int("patch", in: 1...Self.largestExtent)
    stride = try settings.int("stride", in: 1...Self.largestExtent)
    if let patch, let stride, stride > patch {
      throw settings.error(
        "the stride \(stride) leaves elements between patches of \(patch); make it smaller")
    }
  }

  private static let largestExtent = 1 << 20

  package var settings: String {
    (patch.map { ":patch=\($0)" } ?? "") + (stride.map { ":stride=\($0)" } ?? "")
  }
  package var usesBaseline: Bool { true }
  package var readsPrecision: Bool { false }
  package var evaluatesManyPoints: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    try function.requireDependence()
    let before = function.passes
    let windows = try OcclusionWindows(
      function.sampleLayout(), patch: patch, stride: stride)
    let (scores, targets) = try problem.scored()
    let (point, baseline) = (problem.point.doubles, problem.baseline.doubles)
    var sums = targets.map { _ in [Double](repeating: 0, count: point.count) }
    var counts = [Double](repeating: 0, count: point.count)
    for first in Swift.stride(from: 0, to: windows.count, by: function.batchSize) {
      let batch = (first..<min(first + function.batchSize, windows.count)).map(windows.elements)
      let hidden = batch.map { elements in
        var hidden = point
        for index in elements { hidden[index] = baseline[index] }
        return Tensor(hidden, shape: problem.point.shape)
          .converted(to: problem.point.elementType)
      }
      let left = try function.scores(at: Tensor(stacking: hidden))
      for (elements, left) in zip(batch, left) {
        for index in elements { counts[index] += 1 }
        for (number, target) in targets.enumerated() {
          let loss = scores[target] - left[target]
          for index in elements { sums[number][index] += loss }
        }
      }
      try problem.progress(Double(first + batch.count) / Double(windows.count))
    }
    // The loss is one of the score at the point, whoever computed that.
    let known = Passes(forward: problem.knownScores == nil ? 0 : 1)
    let passes = known + (function.passes - before)
    return zip(targets, sums).map { target, sums in
      TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(zip(sums, counts).map { $0 / $1 }, shape: function.pointShape),
          score: scores[target], baselineScore: nil, passes: passes))
    }
  }
}

/// The patches of a sample that are hidden one after the other.
private struct OcclusionWindows {
  /// The most evaluations of the model that one map may take.
  private static let largestCount = 1_000_000

  private let layout: SpatialLayout
  private let patch: Int
  private let stride: Int
  /// Patches along each spatial dimension.
  private let counts: [Int]

  init(_ layout: SpatialLayout, patch: Int?, stride: Int?) throws(ModelError) {
    self.layout = layout
    guard let side = layout.extents.min(), side > 0 else {
      throw ModelError("occlusion needs an input with elements to hide", kind: .usage)
    }
    if let patch, patch > side {
      throw ModelError(
        "occlusion with patch=\(patch) covers more than the input, whose shorter side is \(side); "
          + "take a smaller one", kind: .usage)
    }
    if let stride, stride > side {
      throw ModelError(
        "occlusion with stride=\(stride) steps over the input, whose shorter side is \(side); take a "
          + "smaller one", kind: .usage)
    }
    self.patch = patch ?? max((side + 7) / 14, stride ?? 1)
    self.stride = stride ?? max(self.patch / 2, 1)
    let (width, step) = (self.patch, self.stride)
    counts = layout.extents.map { ($0 - width + step - 1) / step + 1 }
    let total = counts.reduce(1.0) { $0 * Double($1) }
    guard total <= Double(Self.largestCount) else {
      throw ModelError(
        "occlusion would take \(Int(total)) evaluations of patches \(width) wide at a stride of "
          + "\(step); choose another patch and stride", kind: .usage)
    }
  }

  var count: Int { counts.reduce(1, *) }

  /// The indices of the elements that a patch covers.
  func elements(_ number: Int) -> [Int] {
    var rest = number
    var starts: [Int: Int] = [:]
    for (axis, count) in zip(layout.spatialAxes, counts).reversed() {
      starts[axis] = rest % count * stride
      rest /= count
    }
    var indices = [0]
    for axis in layout.shape.indices {
      let extent = layout.shape[axis]
      let places = starts[axis].map { $0..<min($0 + patch, extent) } ?? 0..<extent
      indices = indices.flatMap { index in places.map { index * extent + $0 } }
    }
    return indices
  }
}
