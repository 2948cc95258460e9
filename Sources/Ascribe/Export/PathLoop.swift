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

  /// Points a round: as few more than the steps need in so many rounds as can be.
  static func chunk(_ steps: Int, _ plan: ExportPlan) -> Int {
    guard plan.batchName != nil else { return 1 }
    let rounds = (steps + plan.options.chunk - 1) / max(plan.options.chunk, 1)
    return (steps + rounds - 1) / max(rounds, 1)
  }

  /// Appends the loop and gives back the sum.
  func append(to scope: inout ScopeAssembly) throws(ModelError) -> String {
    let model = scope.model
    let nodes = plan.method.path.map { $0.quadrature.nodes($0.steps) } ?? []
    let chunk = Self.chunk(nodes.count, plan)
    let rounds = (nodes.count + chunk - 1) / chunk
    let rank = plan.inputExtents[plan.explained].count
    let type = plan.model.inputs[plan.explained].elementType ?? .float32
    // Points that fill the last round count for nothing.
    func table(_ numbers: [Double], filler: Double) -> Tensor {
      let filled = numbers + Array(repeating: filler, count: rounds * chunk - numbers.count)
      let shape = Shape([rounds, chunk] + Array(repeating: 1, count: rank))
      return Tensor(filled, shape: shape).converted(to: type)
    }
    let positions = model.initializer(
      table(nodes.map(\.position), filler: nodes.last?.position ?? 0), "ascribe/positions")
    let weights = model.initializer(
      table(nodes.map(\.weight), filler: 0), "ascribe/weights")
    let line = scope.append("Unsqueeze", [difference, model.integers([0])], [:], "line")
    let start = baseline.map { baseline in
      scope.append("Unsqueeze", [baseline, model.integers([0])], [:], "start")
    }
    let shape = scope.append("Shape", [input], [:], "shape")
    let zero = Tensor([0.0]).converted(to: type)
    let zeros = scope.append("ConstantOfShape", [shape], ["value": .tensor(zero)], "zeros")
    let outside = Outside(
      positions: positions, weights: weights, line: line, start: start,
      seed: tiled(seed, plan.scoreExtents, chunk, &scope),
      inputs: others.indices.map { index in
        index == plan.explained ? "" : tiled(others[index], plan.inputExtents[index], chunk, &scope)
      })
    let body = try body(outside, chunk, type, model)
    let trips = model.initializer(Tensor(scalar: Int64(rounds)), "ascribe/rounds")
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
  }

  private func body(
    _ outside: Outside, _ chunk: Int, _ type: ElementType, _ model: MessageAssembly
  ) throws(ModelError) -> GraphMessage {
    var scope = ScopeAssembly(model)
    let round = model.name("ascribe/round")
    let goesOn = model.name("ascribe/goes on")
    let before = model.name("ascribe/sum before")
    let extents = plan.inputExtents[plan.explained].map { $0.isFixed ? $0.offset : -1 }
    let here = scope.append("Gather", [outside.positions, round], ["axis": .int(0)], "here")
    var points = scope.append("Mul", [here, outside.line], [:], "points")
    if let start = outside.start { points = scope.append("Add", [points, start], [:], "points") }
    points = scope.append("Reshape", [points, model.integers(extents)], [:], "points")
    if plan.batchName != nil { scope.samples = scope.firstExtent(of: points) }
    guard let batched = plan.gradient else { throw ModelError("no gradient", kind: .fault) }
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
      "Reshape", [gradients, model.integers([chunk] + extents)], [:], "apart")
    let weights = scope.append("Gather", [outside.weights, round], ["axis": .int(0)], "weights")
    let weighted = scope.append("Mul", [apart, weights], [:], "weighted")
    let sum = scope.append(
      "ReduceSum", [weighted, model.integers([0])], ["keepdims": .int(0)], "sum")
    let after = scope.append("Add", [before, sum], [:], "sum after")
    let condition = scope.append("Identity", [goesOn], [:], "goes on")
    let open = DeclaredType(
      type,
      plan.inputExtents[plan.explained].map { extent in
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

  /// A value for each point of a round: its rows repeated, if it has one for each sample.
  private func tiled(
    _ value: String, _ extents: [BatchExtent], _ chunk: Int, _ scope: inout ScopeAssembly
  ) -> String {
    guard chunk > 1, let first = extents.first, !first.isFixed else { return value }
    let repeats = [chunk] + Array(repeating: 1, count: extents.count - 1)
    return scope.append("Tile", [value, scope.model.integers(repeats)], [:], "tiled")
  }
}
