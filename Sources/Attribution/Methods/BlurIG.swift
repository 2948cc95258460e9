import Foundation
package import Graphs
import Kernels
import Tensors

/// Integrated Gradients along a path of pictures less and less blurred (Xu et al., 2020,
/// arXiv 2004.03383).
///
/// With L(s) the picture blurred by a Gaussian of standard deviation s pixels, s from S down to 0 in N steps:
/// the sum of the change of L in each step times the gradient that `StepRule` chooses. The steps end at
/// S (1 - k/N)³, since most of what a blur hides comes back at the end. By `left` it is what the authors'
/// program computes: minus the sum over equal steps of s of the step times the gradient at L(s) times
/// (L(s + 0.01) - L(s)) / 0.01. Beyond the borders there is 0 in the model's input.
package struct BlurIG: AttributionMethod {
  package static let name = "blur-ig"
  package static let title = "Blur IG"
  package static let summary = "Integrated Gradients, from blurs of the input."
  package static let usage = "[:STEPS][:sigma=S]\(StepRule.usage)"

  private let steps: Int
  private let sigma: Double
  private let rule: StepRule

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 100
    sigma = try settings.number("sigma", in: 0.1...10_000) ?? 50
    rule = try StepRule(&settings)
  }

  /// How much denser the steps lie toward the picture; of 1 to 4 the one with the smallest errors.
  private static let power = 3.0
  /// The step of s that the authors take the change of the picture over.
  private static let difference = 0.01

  package var settings: String {
    ":\(steps)" + (sigma == 50 ? "" : ":sigma=\(sigma)") + rule.settings
  }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }
  package var stepRule: StepRule? { rule }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let picture = GaussianBlur(
      problem.point.doubles, try function.pictureLayout(for: Self.name))
    let gradients = try function.stepGradients(points: steps + 1, by: rule)
    let before = function.passes
    let scores = try function.scores(
      at: Tensor(stacking: [problem.point, tensor(picture.blurred(sigma), like: problem.point)]))
    let targets = try problem.targets(scores[0])
    let sums =
      gradients.rule != .left
      ? try gradients.integrals(
        along: steps + 1, targets: targets, progress: problem.progress
      ) { number in
        let share = pow(Double(steps - number) / Double(steps), Self.power)
        return tensor(picture.blurred(share * sigma), like: problem.point)
      } : try publishedSums(problem, picture, targets, gradients)
    let passes = function.passes - before
    return zip(targets, sums).enumerated().map { number, result in
      let (target, values) = result
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: values, score: scores[0][target], baselineScore: scores[1][target],
          passes: passes.share(number, of: targets.count), steps: steps,
          rules: rule == .automatic ? [gradients.rule.rawValue] : []))
    }
  }

  /// The sums as the authors' program has them.
  private func publishedSums(
    _ problem: Problem, _ picture: GaussianBlur, _ targets: [Int], _ gradients: StepGradients
  ) throws -> [Tensor] {
    let step = sigma / Double(steps)
    var sums = targets.map { _ in [Double](repeating: 0, count: problem.point.elementCount) }
    for numbers in gradients.batches(of: steps) {
      let blurred = numbers.map { picture.blurred(Double($0) * step) }
      let batch = try gradients.batch(
        blurred.map { tensor($0, like: problem.point) }, targets: targets)
      for (row, number) in numbers.enumerated() {
        let next = picture.blurred(Double(number) * step + Self.difference)
        for place in targets.indices {
          let gradient = batch.gradients[place][row]
          for index in next.indices {
            let change = (next[index] - blurred[row][index]) / Self.difference
            sums[place][index] -= step * gradient[index] * change
          }
        }
      }
      try problem.progress(Double(numbers.upperBound) / Double(steps))
    }
    return sums.map { Tensor($0, shape: problem.function.pointShape) }
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
