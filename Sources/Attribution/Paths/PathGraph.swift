package import Graphs
import Operators
import Rewrites
import Tensors

/// What a sum along a path adds up.
struct PathSummand: Hashable {
  /// Points in a batch.
  var rows: Int
  /// Paths that share a batch, each with as many of the points.
  var lines = 1
  /// Whether the gradient of a row is the mean over the way to the next one, in place of that at the point.
  var isMean = false
  /// Whether the gradients of a batch, each times its weight, are added or given one by one.
  var isSummed = true
}

/// Gradients at points between two, or their means from each point to the next, as a graph.
///
/// Inputs: the positions of the points, the weights of their gradients; for each value that lies on a
/// straight line what it is at the start and what more at the end; the other inputs of the model; the
/// seed. Outputs: for each of those values the weighted sum of its gradients, or all of them. What belongs
/// to several lines stands behind each other. The scores are no outputs, so what only they need is not
/// computed.
struct PathGraph {
  let graph: Graph
  let seed: TensorType

  /// - Parameters:
  ///   - model: a specialised graph of one output, the scores, for a batch of rows.
  ///   - explained: the index of the input that moves.
  ///   - splits: whether the affine prefix is left out, so that what it gives lies on the lines.
  ///   - precision: whether it computes in bfloat16 where that is defined.
  /// - Throws: `ModelError` if means are asked for and a node has none.
  init(
    _ model: Graph, explaining explained: Int, of summand: PathSummand, splits: Bool,
    precision: Precision
  ) throws(ModelError) {
    let input = model.inputs[explained]
    let split = splits ? try model.splittingAffinePrefix(of: input) : nil
    let rest = try (split?.rest ?? model).poolingBeforeRelu()
    let moving = (split?.places ?? [explained]).map { rest.inputs[$0] }
    let rules =
      summand.isMean ? try PathMeanRules(rest, moving: moving, count: summand.rows) : nil
    let gradient = try rest.gradient(of: rest.outputs[0], withRespectTo: moving, rules: rules)
    guard gradient.arrives.contains(true) else {
      throw ModelError(noGradientOf: model.outputs[0], reaching: input, in: model)
    }
    guard let seed = gradient.graph.type(of: gradient.seed) else {
      throw ModelError("the gradient has no seed", kind: .fault)
    }
    self.seed = seed
    graph = try Self.summed(gradient, over: moving, besides: rest.inputs[explained], summand)
      .fused().narrowed(to: precision)
  }

  private static func summed(
    _ gradient: GradientGraph, over moving: [Value], besides explained: Value,
    _ summand: PathSummand
  ) throws(ModelError) -> Graph {
    let source = gradient.graph
    var rebuilder = GraphRebuilder(source, inputs: [])
    let elementType = source.type(of: explained)?.elementType ?? .float32
    let vector = TensorType(elementType, [summand.rows])
    let positions = rebuilder.builder.input("positions", vector)
    let weights = rebuilder.builder.input("weights", vector)
    for value in moving {
      guard let type = source.type(of: value) else { continue }
      let part = TensorType(
        type.elementType, type.shape.part(of: summand.rows / summand.lines))
      let name = source.name(of: value)
      let start = rebuilder.builder.input("start of \(name)", part)
      let difference = rebuilder.builder.input("difference of \(name)", part)
      let points = try rebuilder.append(
        PathPoints(lines: summand.lines), start, difference, positions, name: "points of \(name)")
      rebuilder.replace(value, by: points)
    }
    for value in source.inputs where value != explained && !moving.contains(value) {
      guard let type = source.type(of: value) else { continue }
      rebuilder.replace(value, by: rebuilder.builder.input(source.name(of: value), type))
    }
    for node in source.nodes { try rebuilder.copy(node) }
    var sums: [Value] = []
    for value in gradient.gradients {
      guard summand.isSummed else {
        let rank = source.type(of: value)?.shape.rank ?? 1
        let extents = rebuilder.builder.constant(
          Tensor([Int64(summand.rows)] + [Int64](repeating: 1, count: max(rank - 1, 0))))
        let scales = try rebuilder.append(Reshape(), weights, extents, name: "weights of rows")
        sums.append(
          try rebuilder.append(
            Mul(), rebuilder(value), scales, name: "weighted \(source.name(of: value))"))
        continue
      }
      sums.append(
        try rebuilder.append(
          WeightedSum(lines: summand.lines), rebuilder(value), weights,
          name: "sum of \(source.name(of: value))"))
    }
    rebuilder.builder.setOutputs(sums)
    return rebuilder.builder.graph.withoutDeadNodes()
  }
}

extension Graph {
  /// The graph with bfloat16 where a precision asks for it.
  func narrowed(to precision: Precision) throws(ModelError) -> Graph {
    precision.isNarrow ? try narrowed(gradientsOnly: precision == .bf16Gradients) : self
  }
}

extension ModelError {
  /// An output whose gradient reaches an input nowhere.
  package init(noGradientOf output: Value, reaching input: Value, in graph: Graph) {
    guard graph.depends(output, on: input) else {
      self.init(
        "'\(graph.name(of: output))' does not depend on '\(graph.name(of: input))', which gets no "
          + "attribution; explain another output with --target-space, or another input")
      return
    }
    self.init(
      "no gradient of '\(graph.name(of: output))' reaches '\(graph.name(of: input))': every path "
        + "between them passes an operator whose derivative is zero everywhere, such as ArgMax, "
        + "Round or a Cast to integers")
  }
}

extension Shape {
  /// The shape of each of so many parts along the first dimension; itself where it is one part.
  func part(of count: Int) -> Shape {
    guard count > 1, let first else { return self }
    return Shape([first / count] + dropFirst())
  }
}
