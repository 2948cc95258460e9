import Graphs
import Kernels
import Rewrites
import Tensors

extension ModelFunction {
  /// The values behind the affine prefix may be this many times as many as elements of the input; more
  /// would cost more to move than is saved.
  private static let largestExpansion = 64

  /// The affine prefix of the model, where it has one that pays.
  func pathPrefix() throws(ModelError) -> PathPrefix? {
    if let knownPrefix { return knownPrefix }
    let prefix = try makePrefix()
    knownPrefix = .some(prefix)
    return prefix
  }

  private func makePrefix() throws(ModelError) -> PathPrefix? {
    let rows = hasBatches ? max(2, layout.smallestBatch) : 1
    let graph = try specialized(rows: rows)
    let input = graph.inputs[explained]
    guard let split = try graph.splittingAffinePrefix(of: input) else { return nil }
    let sizes = split.prefix.outputs.map { split.prefix.type(of: $0)?.shape.elementCount ?? 0 }
    let limit = Self.largestExpansion * (graph.type(of: input)?.shape.elementCount ?? 0)
    guard sizes.reduce(0, +) <= limit else { return nil }
    let prefix = try PathPrefix(split.prefix, of: self, rows: rows, in: workspace)
    return try prefix.keepsRowsApart() ? prefix : nil
  }
}

/// The part of a model that is affine in the explained input: two evaluations and one gradient of it
/// serve a whole line of points.
final class PathPrefix {
  private unowned let function: ModelFunction
  private let workspace: Workspace
  /// Points per evaluation.
  private let rows: Int
  private let forward: Interpreter
  /// For each end the gradient of the input.
  private let backward: [Interpreter]

  /// - Parameter graph: from the inputs of the model to the values at the ends, for a batch of `rows`,
  ///   two at least if the function has batches at all.
  init(
    _ graph: Graph, of function: ModelFunction, rows: Int, in workspace: Workspace
  ) throws(ModelError) {
    self.function = function
    self.workspace = workspace
    self.rows = rows
    forward = Interpreter(try graph.fused(), in: workspace, keepsLayouts: true)
    var backward: [Interpreter] = []
    for output in graph.outputs {
      let gradient = try graph.gradient(
        of: output, withRespectTo: [graph.inputs[function.explained]])
      let alone = gradient.graph.selecting(gradient.gradients)
      backward.append(Interpreter(try alone.fused(), in: workspace))
    }
    self.backward = backward
  }

  /// The values at the ends of the line for its first and its last point, one row each.
  func ends(_ start: Tensor, _ end: Tensor) throws(ModelError) -> [(Tensor, Tensor)] {
    guard function.hasBatches else {
      return Array(zip(try forward.run(inputs([start])), try forward.run(inputs([end]))))
    }
    return try forward.run(inputs([start, end])).map { values in
      let part = values.shape[0] / rows
      return (values.rows(0..<part), values.rows(part..<(2 * part)))
    }
  }

  /// The gradient with respect to the input at a point whose gradients at the ends are these.
  ///
  /// - Returns: one number per element of the input.
  func inputGradient(of gradients: [Tensor], at point: Tensor) throws(ModelError) -> [Double] {
    var sum = [Double](repeating: 0, count: point.elementCount)
    let inputs = inputs([point])
    for (interpreter, gradient) in zip(backward, gradients) {
      let part = workspace.rowMajor(gradient)
      let zero = Tensor(repeating: 0.0, shape: part.shape).converted(to: part.elementType)
      let seed =
        rows == 1
        ? part : Tensor(stacking: [part] + Array(repeating: zero, count: rows - 1))
      let output = try interpreter.run(inputs + [seed])[0]
      let row = output.reshaped(to: Shape([rows] + function.pointShape)).rows(0..<1)
      for (index, element) in row.doubles.enumerated() { sum[index] += element }
    }
    return sum
  }

  /// Whether the parts of the values at the ends belong to the points in order, which an operator
  /// that moves the first dimension about would spoil.
  func keepsRowsApart() throws(ModelError) -> Bool {
    guard function.hasBatches else { return true }
    guard
      forward.graph.outputs.allSatisfy({ value in
        forward.graph.type(of: value)?.shape.first.map { $0 % rows == 0 } ?? false
      })
    else { return false }
    let points = (1...2).map { function.noise(rows: 1, seed: $0) }
    let (there, back) = (try ends(points[0], points[1]), try ends(points[1], points[0]))
    return zip(there, back).allSatisfy { there, back in
      workspace.isClose(there.0, back.1) && workspace.isClose(there.1, back.0)
    }
  }

  /// The inputs of the model for a batch of these points, the last one repeated to fill it.
  private func inputs(_ points: [Tensor]) -> [Tensor] {
    let filler = Array(repeating: points[points.count - 1], count: rows - points.count)
    return function.inputs(Tensor(stacking: points + filler))
  }
}

extension Workspace {
  /// Whether the elements of two tensors are the same but for rounding.
  fileprivate func isClose(_ a: Tensor, _ b: Tensor) -> Bool {
    let (a, b) = (rowMajor(a).doubles, rowMajor(b).doubles)
    let scale = b.lazy.map(abs).max() ?? 0
    return zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * scale }
  }
}

extension Tensor {
  /// The elements of a row-major tensor.
  package var doubles: [Double] { converted(to: .float64).elements(as: Double.self) }
}
