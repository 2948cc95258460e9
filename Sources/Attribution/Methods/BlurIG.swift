import Foundation
package import Graphs
import Kernels
import Tensors

/// Integrated Gradients along a path of pictures less and less blurred (Xu et al., 2020,
/// arXiv 2004.03383).
///
/// With L(s) the picture blurred by a Gaussian of standard deviation s pixels: minus the sum, over
/// N equal steps of s from 0 to the largest, of the step times the gradient at L(s) times
/// (L(s + 0.01) - L(s)) / 0.01, as the authors' program computes it. It approaches the score's
/// difference from the most blurred picture. Beyond the borders there is 0 in the model's input.
package struct BlurIG: AttributionMethod {
  package static let name = "blur-ig"
  package static let title = "Blur IG"
  package static let summary = "Integrated Gradients, from blurs of the input."
  package static let usage = "[:STEPS][:sigma=S]"

  private let steps: Int
  private let sigma: Double

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 100
    sigma = try settings.number("sigma", in: 0.1...10_000) ?? 50
  }

  /// The step of s that the change of the picture is taken over.
  private static let difference = 0.01

  package var settings: String { ":\(steps)" + (sigma == 50 ? "" : ":sigma=\(sigma)") }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let picture = GaussianBlur(
      problem.point.doubles, try function.pictureLayout(for: Self.name))
    let before = function.passes
    let scores = try function.scores(
      at: Tensor(stacking: [problem.point, tensor(picture.blurred(sigma), like: problem.point)]))
    let targets = try problem.targets(scores[0])
    var sums = targets.map { _ in [Double](repeating: 0, count: problem.point.elementCount) }
    let rows = max(function.batchSize, 1)
    for first in stride(from: 0, to: steps, by: rows) {
      let numbers = first..<min(first + rows, steps)
      var points: [Tensor] = []
      var changes: [[Double]] = []
      for number in numbers {
        let sigma = Double(number) * self.sigma / Double(steps)
        let blurred = picture.blurred(sigma)
        let next = picture.blurred(sigma + Self.difference)
        points.append(tensor(blurred, like: problem.point))
        changes.append(zip(next, blurred).map { ($0 - $1) / Self.difference })
      }
      let batch = Tensor(stacking: points)
      for (place, target) in targets.enumerated() {
        let gradients = try function.gradients(
          at: batch, targets: Array(repeating: target, count: points.count)
        ).gradients
        for (row, change) in changes.enumerated() {
          let gradient = gradients.rows(row..<(row + 1)).doubles
          for index in change.indices {
            sums[place][index] -= sigma / Double(steps) * gradient[index] * change[index]
          }
        }
      }
      try problem.progress(Double(numbers.upperBound) / Double(steps))
    }
    var passes = function.passes - before
    passes.forward /= max(targets.count, 1)
    passes.backward /= max(targets.count, 1)
    return zip(targets, sums).map { target, sum in
      TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(sum, shape: function.pointShape), score: scores[0][target],
          baselineScore: scores[1][target], passes: passes, steps: steps))
    }
  }

  private func tensor(_ elements: [Double], like point: Tensor) -> Tensor {
    Tensor(elements, shape: point.shape).converted(to: point.elementType)
  }
}

/// A picture to be blurred by different Gaussians, zeros around it.
private struct GaussianBlur {
  /// Standard deviations at which the weights are cut off.
  private static let reach = 4.0

  private let elements: [Double]
  private let layout: SpatialLayout

  init(_ elements: [Double], _ layout: SpatialLayout) {
    self.elements = elements
    self.layout = layout
  }

  /// The picture blurred by a Gaussian of this standard deviation in pixels.
  func blurred(_ sigma: Double) -> [Double] {
    let radius = Int(Self.reach * sigma + 0.5)
    guard radius > 0 else { return elements }
    var weights = (-radius...radius).map { offset in
      exp(-Double(offset * offset) / (2 * sigma * sigma))
    }
    let total = weights.reduce(0, +)
    for index in weights.indices { weights[index] /= total }
    return layout.spatialAxes.reduce(elements) { picture, axis in
      blurred(picture, along: axis, weights, radius)
    }
  }

  private func blurred(
    _ input: [Double], along axis: Int, _ weights: [Double], _ radius: Int
  ) -> [Double] {
    let (extent, stride) = (layout.shape[axis], layout.shape.strides[axis])
    let block = extent * stride
    var output = [Double](repeating: 0, count: input.count)
    let nearest = min(radius, extent - 1)
    output.withUnsafeMutableBufferPointer { buffer in
      let output = buffer
      input.withUnsafeBufferPointer { input in
        parallel(input.count / block, grain: 1) { blocks in
          for start in blocks.map({ $0 * block }) {
            // A run of all elements that have a neighbour at this distance.
            for offset in -nearest...nearest {
              let weight = weights[offset + radius]
              let (low, high) = (max(-offset, 0) * stride, (extent - max(offset, 0)) * stride)
              let from = start + offset * stride
              for index in low..<high {
                output[start + index] += weight * input[from + index]
              }
            }
          }
        }
      }
    }
    return output
  }
}
