import Graphs
import Kernels
import Rewrites
import Tensors

/// Graphs that compute, beside the scores, an inner value and the gradient with respect to it.
extension ModelFunction {
  /// The graph of the scores, the value of a layer, and the gradient of the scores with respect to it.
  ///
  /// - Parameter rows: the rows of a batch.
  /// - Throws: as `values(of:rows:)`.
  func graph(of layer: String, rows: Int) throws(ModelError) -> Graph {
    let graph = try values(of: layer, rows: rows)
    return try graph.withGradient(at: graph.outputs[1])
  }

  /// The graph of the scores and the value of a layer.
  ///
  /// - Parameter rows: the rows of a batch.
  /// - Throws: `ModelError` if there is no such layer, or if it does not stand between the explained
  ///   input and the scores.
  func values(of layer: String, rows: Int) throws(ModelError) -> Graph {
    let value = try source.graph.layer(named: layer)
    guard source.graph.depends(source.scores, on: value) else {
      throw ModelError(
        "the scores do not depend on layer '\(layer)'; name one before them, inspect --layers "
          + "lists all", kind: .usage)
    }
    let graph = try specialized(source.graph.selecting([source.scores, value]), rows: rows)
    guard graph.depends(graph.outputs[1], on: graph.inputs[explained]) else {
      throw ModelError(
        "layer '\(layer)' does not depend on the explained input; name one behind it, inspect "
          + "--layers lists all", kind: .usage)
    }
    return graph
  }

  /// An interpreter of a graph that is made once for each name and kept.
  func layerInterpreter(
    _ name: String, _ graph: () throws(ModelError) -> Graph
  ) throws(ModelError) -> Interpreter {
    if let plan = layerPlans[name] { return plan }
    let graph = try graph()
    workspace.release()
    let plan = Interpreter(try graph.fused().narrowed(to: precision), in: workspace)
    layerPlans[name] = plan
    return plan
  }

  /// What a graph gives beside the scores for some targets of one point.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - interpreter: of a graph for the smallest batch: the inputs of the model and a seed, the scores
  ///     and more outputs.
  /// - Returns: the scores, the targets, and for each target the other outputs.
  func outputs(
    at point: Tensor, of interpreter: Interpreter, choosing choice: Problem.Targets
  ) throws(ModelError) -> (scores: [Double], targets: [Int], outputs: [[Tensor]]) {
    let rows = layout.smallestBatch
    let batch = rows == 1 ? point : Tensor(stacking: Array(repeating: point, count: rows))
    var chosen: (scores: [Double], targets: [Int]) = ([], [])
    var outputs = [
      try interpreter.run(inputs(batch)) { (output) throws(ModelError) in
        let scores = scores(in: output, rows: rows)[0]
        chosen = (scores, try choice(scores))
        return try oneHotSeed(for: Array(chosen.targets.prefix(1)), rows: rows, of: interpreter)
      }
    ]
    for target in chosen.targets.dropFirst() {
      let seed = try oneHotSeed(for: [target], rows: rows, of: interpreter)
      outputs.append(try interpreter.run(inputs(batch) + [seed]))
    }
    count(Passes(forward: outputs.count, backward: outputs.count))
    return (chosen.scores, chosen.targets, outputs.map { Array($0.dropFirst()) })
  }
}

extension Graph {
  /// The graph of the first output, a value, and the gradient of the one with respect to the other.
  func withGradient(
    at value: Value, by rules: (any GradientRules)? = nil
  ) throws(ModelError) -> Graph {
    guard type(of: value)?.elementType.isFloatingPoint ?? false else {
      throw ModelError(
        "layer '\(name(of: value))' holds no floating-point numbers, so it has no gradient",
        kind: .usage)
    }
    let scores = outputs[0]
    let gradient = try replacingOutputs([scores, value])
      .gradient(of: scores, withRespectTo: [value], rules: rules)
    guard gradient.arrives[0] else {
      throw ModelError(noGradientOf: scores, reaching: value, in: self)
    }
    return gradient.graph.withoutDeadNodes()
  }

  /// The same graph with these values as outputs; what they do not need stays.
  func replacingOutputs(_ outputs: some Sequence<Value>) -> Graph {
    var builder = GraphBuilder(self)
    builder.setOutputs(Array(outputs))
    return builder.graph
  }
}
