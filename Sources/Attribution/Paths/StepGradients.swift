import Graphs
import Kernels
import Rewrites
import Tensors

/// Gradients along a way of inputs: for each step from a point to the next one what the step is multiplied
/// by, so that the products come to what the score changes by.
///
/// The steps and the gradients are those of the explained input, or of a layer that moves with it.
final class StepGradients {
  /// What they are; never `automatic`.
  let rule: StepRule
  /// The shape of a step; with its leading 1 where points are rows of a layer.
  let shape: Shape
  private unowned let function: ModelFunction
  /// Points of a batch.
  private let rows: Int
  private let plan: SeedPlan

  /// What a batch gives.
  struct Batch {
    /// For each point the layer; the point itself where there is none.
    let values: [[Double]]
    /// For each target and point the gradient there, or by `secant` its mean over the step to the next
    /// point; of the last one the gradient at the point.
    let gradients: [[[Double]]]
  }

  /// - Parameters:
  ///   - layer: the name of an inner value; nil for the explained input.
  ///   - rows: points of a batch.
  /// - Throws: `ModelError` if there is no such layer, or means are asked for and the model has none.
  fileprivate init(
    _ function: ModelFunction, of layer: String?, rows: Int, by rule: StepRule
  ) throws(ModelError) {
    self.function = function
    self.rule = rule
    var rows = rows
    var shape = function.pointShape
    if let layer {
      let least = function.layout.smallestBatch
      let one = try function.shape(of: layer, rows: least)
      let many = try function.shape(of: layer, rows: rows)
      // The rows of a layer are those of the batch only if nothing else changes with it.
      let scales =
        one.first == least && many.first == rows && one.dropFirst().elementsEqual(many.dropFirst())
      guard scales || least == 1 else {
        throw ModelError(
          "layer '\(layer)' has shape \(one) for a batch of \(least), so what belongs to one row is "
            + "not known; name another", kind: .usage)
      }
      rows = scales ? rows : 1
      shape = scales ? Shape([1] + one.dropFirst()) : one
    }
    let areMeans = rule == .secant
    var graph = try function.stepGraph(of: layer, rows: rows, areMeans: areMeans)
    if areMeans, case .free = function.layout {
      // Means keep more than gradients at points do.
      while rows > 9, graph.peakBytes > ModelFunction.meanMemoryLimit {
        rows = rows / 2 + 1
        graph = try function.stepGraph(of: layer, rows: rows, areMeans: true)
      }
    }
    function.workspace.release()
    plan = try SeedPlan(graph, in: function.workspace)
    self.rows = rows
    self.shape = shape
  }

  /// The numbers of so many points, a batch after the other; where a step takes both its ends, each
  /// begins with the last point of the one before.
  func batches(of count: Int) -> [Range<Int>] {
    let areMeans = rule == .secant
    let step = areMeans ? rows - 1 : rows
    return stride(from: 0, to: areMeans ? max(count - 1, 1) : count, by: step).map {
      $0..<min($0 + rows, count)
    }
  }

  /// For each target the sum over all steps of the step times its gradient, float64.
  ///
  /// - Parameters:
  ///   - count: points, two at least.
  ///   - progress: told of the share of points that are done; what it throws ends the run.
  ///   - point: of each number, a batch of one row.
  func integrals(
    along count: Int, targets: [Int], progress: (Double) throws -> Void, at point: (Int) -> Tensor
  ) throws -> [Tensor] {
    var sums = targets.map { _ in [Double](repeating: 0, count: shape.elementCount) }
    var last: (value: [Double], gradients: [[Double]])?
    for numbers in batches(of: count) {
      let batch = try batch(numbers.map(point), targets: targets)
      for (row, value) in batch.values.enumerated() {
        let gradients = batch.gradients.map { $0[row] }
        // By `secant` the first point of a batch is the last one of the batch before.
        if let last, row > 0 || rule != .secant {
          for place in targets.indices {
            let factor = factor(last.gradients[place], gradients[place])
            for index in value.indices {
              sums[place][index] += (value[index] - last.value[index]) * factor[index]
            }
          }
        }
        last = (value, gradients)
      }
      try progress(Double(numbers.upperBound) / Double(count))
    }
    return sums.map { Tensor($0, shape: shape) }
  }

  /// What a step is multiplied by, from what belongs to its ends.
  func factor(_ first: [Double], _ second: [Double]) -> [Double] {
    rule == .trapezoid ? zip(first, second).map { ($0 + $1) / 2 } : first
  }

  /// The gradients of some scores along points, no more than a batch has.
  ///
  /// - Parameter points: batches of one row each.
  func batch(_ points: [Tensor], targets: [Int]) throws(ModelError) -> Batch {
    let filler = points.suffix(1).flatMap { Array(repeating: $0, count: rows - points.count) }
    let activations = try plan.activations(function.inputs(Tensor(stacking: points + filler)))
    let gradients = try targets.map { (target) throws(ModelError) in
      let seed = try function.oneHotSeed(
        for: Array(repeating: target, count: rows), rows: rows, type: plan.seed)
      return parts(try plan.gradient(activations, seed: seed), points.count)
    }
    function.count(
      Passes(forward: points.count, backward: points.count * targets.count))
    return Batch(
      values: parts(activations.outputs[1], points.count), gradients: gradients)
  }

  /// The first parts of a batch.
  private func parts(_ batch: Tensor, _ count: Int) -> [[Double]] {
    let (elements, size) = (batch.doubles, shape.elementCount)
    return (0..<count).map { Array(elements[($0 * size)..<(($0 + 1) * size)]) }
  }
}

extension ModelFunction {
  /// The gradients along ways of so many points, made once and kept.
  ///
  /// - Parameters:
  ///   - layer: the name of an inner value; nil for the explained input.
  ///   - count: the points that are computed in one go, if so many fit a batch.
  /// - Throws: `ModelError` if there is no such layer, or `rule` asks for means and the model has none.
  func stepGradients(
    of layer: String? = nil, points count: Int, by rule: StepRule
  ) throws(ModelError) -> StepGradients {
    let key = "\(rule):\(count):\(layer ?? "")"
    if let gradients = knownStepGradients[key] { return gradients }
    let gradients = try makeStepGradients(of: layer, points: count, by: rule)
    knownStepGradients[key] = gradients
    return gradients
  }

  private func makeStepGradients(
    of layer: String?, points count: Int, by rule: StepRule
  ) throws(ModelError) -> StepGradients {
    let rows = rowsTaken(for: min(batchSize, count))
    if rule == .secant || rule == .automatic {
      do throws(ModelError) {
        return try StepGradients(
          self, of: layer, rows: hasBatches ? max(rows, 2) : 1, by: .secant)
      } catch {
        guard rule == .automatic else {
          throw error.advising("take another quadrature, or leave it out")
        }
      }
    }
    return try StepGradients(
      self, of: layer, rows: rows, by: rule == .automatic ? .trapezoid : rule)
  }

  /// The name of the rule that steps along the explained input take by themselves.
  package func usualStepRule() -> String {
    ((try? stepGradients(points: 2, by: .automatic).rule) ?? .trapezoid).rawValue
  }

  /// The graph of the scores, the layer if there is one, and the gradients.
  fileprivate func stepGraph(
    of layer: String?, rows: Int, areMeans: Bool
  ) throws(ModelError) -> Graph {
    let whole =
      if let layer { try values(of: layer, rows: rows) } else { try specialized(rows: rows) }
    let graph = try whole.poolingBeforeRelu()
    let input = graph.inputs[explained]
    let rules = areMeans ? try PathMeanRules(graph, moving: [input], count: rows) : nil
    return try graph.withGradient(at: layer == nil ? input : graph.outputs[1], by: rules)
      .fused().narrowed(to: precision)
  }

  fileprivate func shape(of layer: String, rows: Int) throws(ModelError) -> Shape {
    let graph = try values(of: layer, rows: rows)
    return graph.type(of: graph.outputs[1])?.shape ?? []
  }
}
