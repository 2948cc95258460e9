import Attribution
import Graphs
import ONNXFormat
import Rewrites
import Tensors

/// The sum of Integrated Gradients as an ONNX `Loop`: each round takes some points on the way from
/// baseline to input in one batch and adds their weighted gradients to what it carries, so that memory
/// does not depend on the number of steps. Weights of the model are seen from inside.
struct PathLoop {
  let plan: ExportPlan
  /// The name of the input.
  let input: String
  /// The name of the input less the baseline.
  let difference: String
  /// The name of the baseline, unless it is zero.
  let baseline: String?
  /// The name of the gradient of the scores.
  let seed: String
  /// The names of all inputs of the model.
  let others: [String]

  /// Appends the loop and gives back the sum.
  func append(to scope: inout ScopeAssembly) throws(ModelError) -> String {
    let model = scope.model
    let batches = plan.method.path?.batches(of: plan.chunk) ?? []
    let points = plan.method.path?.points(plan.chunk) ?? 1
    let extents = plan.graphs.inputExtents[plan.explained]
    let type = plan.model.inputs[plan.explained].elementType ?? .float32
    // Points that fill the last round count for nothing.
    func table(_ rows: [[Double]], filler: Double) -> Tensor {
      let filled = rows.flatMap { $0 + Array(repeating: filler, count: points - $0.count) }
      let shape = Shape([rows.count, points] + extents.map { _ in 1 })
      return Tensor(filled, shape: shape).converted(to: type)
    }
    let positions = model.initializer(
      table(batches.map(\.positions), filler: batches.last?.positions.last ?? 0),
      "ascribe/positions")
    let weights = model.initializer(
      table(batches.map(\.weights), filler: 0), "ascribe/weights")
    let line = scope.append("Unsqueeze", [difference, model.integers([0])], [:], "line")
    let start = baseline.map { baseline in
      scope.append("Unsqueeze", [baseline, model.integers([0])], [:], "start")
    }
    let shape = scope.append("Shape", [input], [:], "shape")
    let zero = Tensor([0.0]).converted(to: type)
    let zeros = scope.append("ConstantOfShape", [shape], ["value": .tensor(zero)], "zeros")
    let outside = Outside(
      positions: positions, weights: weights, line: line, start: start,
      seed: tiled(seed, plan.graphs.scoreExtents.count, points, &scope),
      inputs: others.indices.map { index in
        plan.shapes.countsSamples(index) && index != plan.explained
          ? tiled(others[index], plan.graphs.inputExtents[index].count, points, &scope)
          : others[index]
      }, samples: scope.samples)
    let body = try body(outside, points, type, model)
    let trips = model.initializer(Tensor(scalar: Int64(batches.count)), "ascribe/rounds")
    let always = model.initializer(Tensor(scalar: true), "ascribe/always")
    let sum = model.name("ascribe/integral")
    scope.append(
      NodeMessage(
        name: "ascribe/integral", operatorName: "Loop", inputs: [trips, always, zeros],
        outputs: [sum], attributes: ["body": .graph(body)]))
    return sum
  }

  /// The names of values around the body.
  private struct Outside {
    let positions: String
    let weights: String
    let line: String
    let start: String?
    let seed: String
    let inputs: [String]
    let samples: String?
  }

  private func body(
    _ outside: Outside, _ count: Int, _ type: ElementType, _ model: MessageAssembly
  ) throws(ModelError) -> GraphMessage {
    var scope = ScopeAssembly(model)
    scope.samples = outside.samples
    let round = model.name("ascribe/round")
    let goesOn = model.name("ascribe/goes on")
    let before = model.name("ascribe/sum before")
    let extents = plan.graphs.inputExtents[plan.explained].map { $0.isFixed ? $0.offset : -1 }
    let stacked = count == 1 ? extents : [-1] + extents.dropFirst()
    let here = scope.append("Gather", [outside.positions, round], ["axis": .int(0)], "here")
    var points = scope.append("Mul", [here, outside.line], [:], "points")
    if let start = outside.start { points = scope.append("Add", [points, start], [:], "points") }
    points = scope.append("Reshape", [points, model.integers(stacked)], [:], "points")
    guard let batched = plan.graphs.gradient else { throw ModelError("no gradient", kind: .fault) }
    let graph = batched.graph
    var bindings: [Value: String] = [:]
    for (index, value) in graph.inputs.enumerated() {
      bindings[value] =
        index == graph.inputs.count - 1
        ? outside.seed : index == plan.explained ? points : outside.inputs[index]
    }
    var placement = GraphPlacement(batched, inputs: bindings)
    try placement.place(in: &scope)
    let gradients = try placement.name(of: graph.outputs[0], in: &scope)
    let apart = scope.append(
      "Reshape", [gradients, model.integers([count] + extents)], [:], "apart")
    let weights = scope.append("Gather", [outside.weights, round], ["axis": .int(0)], "weights")
    let weighted = scope.append("Mul", [apart, weights], [:], "weighted")
    let sum = scope.append(
      "ReduceSum", [weighted, model.integers([0])], ["keepdims": .int(0)], "sum")
    let after = scope.append("Add", [before, sum], [:], "sum after")
    let condition = scope.append("Identity", [goesOn], [:], "goes on")
    let open = DeclaredType(
      type,
      plan.graphs.inputExtents[plan.explained].map { extent in
        extent.isFixed ? .fixed(extent.offset) : .symbolic(plan.batchName ?? "")
      })
    return GraphMessage(
      name: "gradients along the path", nodes: scope.nodes,
      inputs: [
        ValueMessage(round, DeclaredType(.int64, [])),
        ValueMessage(goesOn, DeclaredType(.bool, [])), ValueMessage(before, open),
      ],
      outputs: [ValueMessage(condition, DeclaredType(.bool, [])), ValueMessage(after, open)])
  }

  /// A value that has rows for samples, repeated for each point of a round.
  private func tiled(
    _ value: String, _ rank: Int, _ count: Int, _ scope: inout ScopeAssembly
  ) -> String {
    guard count > 1 else { return value }
    let repeats = [count] + Array(repeating: 1, count: rank - 1)
    return scope.append("Tile", [value, scope.model.integers(repeats)], [:], "tiled")
  }
}
