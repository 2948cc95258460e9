import Attribution
import Graphs
import Kernels
import Tensors

extension ModelSession {
  /// Measures the model on a batch of noise: its forward pass and its gradient with respect to the first
  /// floating-point input, or the forward pass alone if there is no such input.
  ///
  /// - Parameters:
  ///   - batch: samples, where the model leaves their number open.
  ///   - size: height and width of pictures, where the model leaves them open.
  /// - Throws: `ModelError` if the model leaves other extents open.
  public func profile(batch: Int, runs: Int, size: Int = 224) throws -> Profile {
    let samples = try model.inputs.map { port throws(ModelError) in
      try port.noise(size: size)
    }
    let profiler = Profiler(workspace: workspace, runs: runs)
    guard let explained = samples.firstIndex(where: { $0.elementType.isFloatingPoint }) else {
      let forward = try runner(nil, for: samples)
      return try profiler.profile(
        batch: samples.first?.shape.first ?? 1, [], samples, forward)
    }
    let others = samples.indices.filter { $0 != explained }.map { ($0, samples[$0]) }
    let function = try ModelFunction(
      model.graph, explaining: explained, shape: samples[explained].shape,
      fixed: Dictionary(uniqueKeysWithValues: others), precision: model.precision, in: workspace)
    return try profiler.profile(function, batch: batch)
  }
}

extension ModelPort {
  /// Noise for one sample; zeros for an input of integers or Booleans.
  fileprivate func noise(size: Int) throws(ModelError) -> Tensor {
    let extents = dimensions?.enumerated().map { axis, extent in
      extent ?? (axis == 0 ? 1 : dimensions?.count == 4 ? size : nil)
    }
    guard let elementType, let extents, !extents.contains(nil),
      let shape = Shape(checking: extents.compactMap(\.self))
    else {
      throw ModelError(
        "input '\(name)' is \(typeDescription); bench cannot choose its extents", kind: .usage)
    }
    return elementType.isFloatingPoint
      ? Tensor.noise(shape: shape, seed: 1).converted(to: elementType)
      : Tensor(repeating: 0 as Int64, shape: shape).converted(to: elementType)
  }
}

/// Runs graphs and notes how long each node takes.
private struct Profiler {
  let workspace: Workspace
  let runs: Int

  func profile(_ function: ModelFunction, batch: Int) throws(ModelError) -> Profile {
    let rows = function.rowsTaken(for: batch)
    let points = Tensor.noise(shape: Shape([rows] + function.pointShape), seed: 1)
    let inputs = function.inputs(points.converted(to: function.elementType))
    let forward = try function.forwardInterpreter(rows: rows)
    let forwardSeconds = try seconds { () throws(ModelError) in try forward.run(inputs) }
    let gradient = try function.gradientInterpreter(rows: rows)
    let seed = try function.oneHotSeed(
      for: Array(repeating: 0, count: rows), rows: rows, of: gradient)
    return try profile(
      batch: rows, function.pointShape.dimensions, inputs + [seed], gradient,
      forwardSeconds: forwardSeconds)
  }

  /// - Parameter forwardSeconds: those of the forward pass alone, if the graph is more than that.
  func profile(
    batch: Int, _ pointShape: [Int], _ inputs: [Tensor], _ interpreter: Interpreter,
    forwardSeconds: Double? = nil
  ) throws(ModelError) -> Profile {
    let all = try seconds { () throws(ModelError) in try interpreter.run(inputs) }
    let before = workspace.reorderSeconds
    let (nodes, observed) = try nodes(of: interpreter, inputs)
    let reorders = (workspace.reorderSeconds - before) / Double(runs)
    let peakBytes = workspace.peakBytes
    let (copy, elementwise) = workspace.bandwidths()
    return Profile(
      batch: batch, pointShape: pointShape, forwardSeconds: forwardSeconds ?? all,
      gradientSeconds: forwardSeconds == nil ? nil : all, peakBytes: peakBytes,
      threads: workspace.threadCount, copyBandwidth: copy, elementwiseBandwidth: elementwise,
      kinds: kinds(of: nodes, all: observed, reorders: reorders), operators: items(of: nodes),
      nodes: nodes)
  }

  /// Every node, and the seconds of a run that is observed.
  private func nodes(
    of interpreter: Interpreter, _ inputs: [Tensor]
  ) throws(ModelError) -> (nodes: [Profile.NodeItem], seconds: Double) {
    var times: [[Double]] = []
    defer { interpreter.observer = nil }
    let observed = try seconds { () throws(ModelError) in
      var run: [Double] = []
      interpreter.observer = { _, time in run.append(time) }
      let outputs = try interpreter.run(inputs)
      times.append(run)
      return outputs
    }
    let graph = interpreter.graph
    let nodes = graph.nodes.enumerated().map { index, node in
      Profile.NodeItem(
        name: node.name, operatorName: node.operatorName,
        shape: graph.type(of: node.outputs[0])?.shape.dimensions ?? [],
        seconds: median(times.dropFirst().map { $0[index] }))
    }
    return (nodes, observed)
  }

  private func items(of nodes: [Profile.NodeItem]) -> [Profile.Item] {
    let total = nodes.reduce(0) { $0 + $1.seconds }
    return Dictionary(grouping: nodes, by: \.operatorName).map { name, nodes in
      let seconds = nodes.reduce(0) { $0 + $1.seconds }
      return Profile.Item(
        name: name, count: nodes.count, seconds: seconds, share: seconds / total)
    }.sorted { $0.seconds > $1.seconds }
  }

  private func kinds(
    of nodes: [Profile.NodeItem], all: Double, reorders: Double
  ) -> [Profile.Kind] {
    var seconds = Dictionary(grouping: nodes, by: \.kind).mapValues { nodes in
      nodes.reduce(0) { $0 + $1.seconds }
    }
    // Tensors change their layout where a convolution reads them, mostly.
    seconds["convolutions", default: 0] -= min(reorders, seconds["convolutions"] ?? 0)
    seconds["reorders"] = reorders
    seconds["overhead"] = max(all - nodes.reduce(0) { $0 + $1.seconds }, 0)
    return seconds.map { Profile.Kind(name: $0.key, share: $0.value / all) }
      .sorted { $0.share > $1.share }
  }

  /// The median of `runs` runs, after one that is not counted.
  private func seconds(_ body: () throws(ModelError) -> [Tensor]) throws(ModelError) -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    for _ in 0...runs {
      let start = clock.now
      _ = try body()
      times.append((clock.now - start) / .seconds(1))
    }
    return median(Array(times.dropFirst()))
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

extension Profile.NodeItem {
  fileprivate var kind: String {
    switch operatorName {
    case "Conv", "FusedConvolution", "ConvInputGradient", "ConvTranspose": "convolutions"
    case "Gemm", "MatMul", "MatrixProduct", "Einsum": "products"
    case let name where name.contains("Pool"): "pooling"
    case "Relu", "SignedSum", "RecordSigns", "MeanReluGradient", "ReluGradient", "Accumulate",
      "Add", "Sub", "Mul",
      "Div", "Sigmoid", "Tanh", "Erf", "Exp", "Sqrt", "Pow", "Clip", "ClipGradient", "HardSigmoid",
      "HardSwish", "HardSwishGradient", "Swish", "SwishGradient", "Gelu", "Where", "Sum",
      "ChangePrecision":
      "elementwise"
    default: "other"
    }
  }
}
