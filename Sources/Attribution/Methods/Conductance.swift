package import Graphs
import Tensors

/// How much of the score's change from the baseline to the input flows through each element of a layer
/// (Dhamdhere et al., 2018, arXiv 1805.12233).
///
/// With y the layer at N + 1 equally spaced points on the straight line, ends included: the sum of
/// (y[k+1] - y[k]) times the gradient with respect to y at point k. Attributions have the shape of the
/// layer. The layer comes last in an item, since names may hold colons.
package struct Conductance: AttributionMethod {
  package static let name = "conductance"
  package static let title = "Conductance"
  package static let summary = "Integrated Gradients of a layer, along the input's path."
  package static let usage = "[:STEPS]:layer=NAME"

  private let steps: Int
  private let layer: String

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 128
    guard let layer = settings.string("layer") else {
      throw settings.error("name the layer, as in conductance:128:layer=NAME")
    }
    self.layer = layer
  }

  package var settings: String { ":\(steps):layer=\(layer)" }
  package var usesBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }
  package var attributedLayer: String? { layer }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let path = try LayerPath(layer, of: function, steps: steps)
    let before = function.passes
    let scores = try function.scores(at: Tensor(stacking: [problem.point, problem.baseline]))
    let targets = try problem.targets(scores[0])
    let shared = function.passes - before
    return try targets.enumerated().map { number, target in
      let before = function.passes
      let values = try path.conductance(
        from: problem.baseline, to: problem.point, target: target
      ) { try problem.progress((Double(number) + $0) / Double(targets.count)) }
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: values, score: scores[0][target], baselineScore: scores[1][target],
          passes: shared + (function.passes - before), steps: steps))
    }
  }
}

/// A layer and its gradient at points on a straight line of inputs.
private struct LayerPath {
  private let function: ModelFunction
  private let steps: Int
  private let rows: Int
  private let interpreter: Interpreter
  /// The shape of the layer for one point, with its leading 1 where points are rows of it.
  private let shape: Shape

  init(_ layer: String, of function: ModelFunction, steps: Int) throws(ModelError) {
    func interpreter(_ rows: Int) throws(ModelError) -> Interpreter {
      try function.layerInterpreter("conductance:\(rows):layer=\(layer)") {
        () throws(ModelError) in try function.graph(of: layer, rows: rows)
      }
    }
    func shape(_ rows: Int) throws(ModelError) -> Shape {
      let graph = try interpreter(rows).graph
      return graph.type(of: graph.outputs[1])?.shape ?? []
    }
    self.function = function
    self.steps = steps
    let least = function.layout.smallestBatch
    let wanted = function.rowsTaken(for: min(function.batchSize, steps + 1))
    let (one, many) = (try shape(least), wanted == least ? [] : try shape(wanted))
    // The rows of a layer are those of the batch only if nothing else changes with it.
    let scales =
      one.first == least && many.first == wanted && one.dropFirst().elementsEqual(many.dropFirst())
    rows = scales ? wanted : least
    guard least == 1 || one.first == least else {
      throw ModelError(
        "layer '\(layer)' has shape \(one) for a batch of \(least), so what belongs to one row is "
          + "not known; name another", kind: .usage)
    }
    self.shape = scales || least > 1 ? Shape([1] + one.dropFirst()) : one
    self.interpreter = try interpreter(rows)
  }

  func conductance(
    from start: Tensor, to end: Tensor, target: Int, progress: (Double) throws -> Void
  ) throws -> Tensor {
    let (low, high) = (start.doubles, end.doubles)
    var sum = [Double](repeating: 0, count: shape.elementCount)
    var last: (value: [Double], gradient: [Double])?
    for first in stride(from: 0, through: steps, by: rows) {
      let numbers = first..<min(first + rows, steps + 1)
      let points = numbers.map { number in
        let share = Double(number) / Double(steps)
        return Tensor(zip(low, high).map { $0 + share * ($1 - $0) }, shape: start.shape)
          .converted(to: start.elementType)
      }
      let filled = points + Array(repeating: points[points.count - 1], count: rows - points.count)
      let seed = try function.oneHotSeed(
        for: Array(repeating: target, count: points.count), rows: rows, of: interpreter)
      let outputs = try interpreter.run(function.inputs(Tensor(stacking: filled)) + [seed])
      function.count(Passes(forward: points.count, backward: points.count))
      let (values, gradients) = (outputs[1].doubles, outputs[2].doubles)
      for row in points.indices {
        let range = (row * sum.count)..<((row + 1) * sum.count)
        let value = Array(values[range])
        if let last {
          for index in sum.indices {
            sum[index] += (value[index] - last.value[index]) * last.gradient[index]
          }
        }
        last = (value, Array(gradients[range]))
      }
      try progress(Double(numbers.upperBound) / Double(steps + 1))
    }
    return Tensor(sum, shape: shape)
  }
}
