import Attribution
import Graphs
import Kernels
import Tensors

extension ModelSession {
  /// Measures the model on a batch of noise: its forward pass and its gradient with respect to the first
  /// floating-point input, or the forward pass alone if there is no such input.
  ///
  /// - Parameters:
  ///   - batch: samples; 16, or as many as the model takes, unless given.
  ///   - size: height and width of pictures, where the model leaves them open; 224 unless given.
  /// - Throws: `ModelError` if the model leaves other extents open or takes no such batch or size, or if a
  ///   batch does not fit the memory.
  public func profile(batch: Int? = nil, runs: Int, size: Int? = nil) throws -> Profile {
    guard size == nil || model.inputs.contains(where: { !$0.openSides.isEmpty }) else {
      throw ModelError("no input has pictures of a size left open; leave --size out", kind: .usage)
    }
    let samples = try model.inputs.map { port throws(ModelError) in
      try port.noise(size: size ?? 224)
    }
    let profiler = Profiler(workspace: workspace, runs: runs)
    guard let explained = samples.firstIndex(where: { $0.elementType.isFloatingPoint }) else {
      let rows = samples.first?.shape.first ?? 1
      try Profiler.require(batch, tobe: rows)
      return try profiler.profile(batch: rows, [], samples, try runner(nil, for: samples))
    }
    let others = samples.indices.filter { $0 != explained }.map { ($0, samples[$0]) }
    let function = try ModelFunction(
      model.graph, explaining: explained, shape: samples[explained].shape,
      fixed: Dictionary(uniqueKeysWithValues: others), precision: model.precision, in: workspace)
    return try profiler.profile(function, batch: batch, isNarrow: model.precision == .bf16)
  }
}

extension ModelPort {
  /// The axes of height and width of pictures that the caller decides.
  fileprivate var openSides: [Int] {
    guard let dimensions, dimensions.count == 4 else { return [] }
    return (hasChannelsLast ? [1, 2] : [2, 3]).filter { dimensions[$0] == nil }
  }

  /// Noise for one sample; zeros for an input of integers or Booleans.
  fileprivate func noise(size: Int) throws(ModelError) -> Tensor {
    let extents = dimensions?.enumerated().map { axis, extent in
      extent ?? (axis == 0 ? 1 : openSides.contains(axis) ? size : nil)
    }
    guard let elementType, let extents, !extents.contains(nil) else {
      throw ModelError(
        "input '\(name)' is \(typeDescription); bench cannot choose its extents", kind: .usage)
    }
    // To find out whether there are batches takes a dozen samples in float64.
    guard let shape = Shape(checking: extents.compactMap(\.self)),
      Profiler.fits(shape, beside: Workspace.memoryLimit / 2 / 16 * 15)
    else {
      throw ModelError(
        "a sample of '\(name)' does not fit the memory; give a smaller --size", kind: .usage)
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

  /// Whether noise of this shape, in float64 and in the model's own type, and other bytes take no more
  /// than half of the memory.
  static func fits(_ shape: Shape, beside bytes: Int = 0) -> Bool {
    let limit = Workspace.memoryLimit / 2
    return bytes <= limit
      && shape.elementCount <= (limit - bytes) / (2 * MemoryLayout<Double>.size)
  }

  private static func lackOfMemory(_ rows: Int, _ function: ModelFunction) -> ModelError {
    ModelError(
      "\(rows) samples of \(function.pointShape) do not fit the memory; give a smaller --batch",
      kind: .usage)
  }

  /// Refuses a number of samples that the model does not take.
  static func require(_ batch: Int?, tobe rows: Int) throws(ModelError) {
    guard let batch, batch != rows else { return }
    throw ModelError(
      "the model takes batches of \(rows) only; leave --batch \(batch) out", kind: .usage)
  }

  /// - Parameter isNarrow: whether the forward pass alone is in bfloat16 too.
  func profile(
    _ function: ModelFunction, batch: Int?, isNarrow: Bool
  ) throws(ModelError) -> Profile {
    let rows = function.rowsTaken(for: batch ?? 16)
    try Self.require(batch, tobe: rows)
    guard let shape = Shape(checking: [rows] + function.pointShape), Self.fits(shape) else {
      throw Self.lackOfMemory(rows, function)
    }
    var forward = try function.forwardInterpreter(rows: rows)
    if isNarrow {
      forward = Interpreter(try forward.graph.narrowed(gradientsOnly: false), in: workspace)
    }
    let gradient = try function.gradientInterpreter(rows: rows)
    guard Self.fits(shape, beside: gradient.graph.peakBytes) else {
      throw Self.lackOfMemory(rows, function)
    }
    let points = Tensor.noise(shape: shape, seed: 1)
    let inputs = function.inputs(points.converted(to: function.elementType))
    let forwardSeconds = try seconds { () throws(ModelError) in try forward.run(inputs) }
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
    let observed = try observed(interpreter, inputs)
    let nodes = interpreter.graph.nodes.enumerated().map { index, node in
      Profile.NodeItem(
        name: node.name, operatorName: node.operatorName,
        shape: interpreter.graph.type(of: node.outputs[0])?.shape.dimensions ?? [],
        seconds: observed.nodes[index])
    }
    let peakBytes = workspace.peakBytes
    let (copy, elementwise) = workspace.bandwidths()
    return Profile(
      batch: batch, pointShape: pointShape, forwardSeconds: forwardSeconds ?? all,
      gradientSeconds: forwardSeconds == nil ? nil : all, peakBytes: peakBytes,
      threads: workspace.threadCount, copyBandwidth: copy, elementwiseBandwidth: elementwise,
      kinds: kinds(of: nodes, in: observed), operators: items(of: nodes),
      nodes: nodes)
  }

  /// A run, node by node.
  private struct ObservedRun {
    var seconds = 0.0
    /// Seconds in each node.
    var nodes: [Double] = []
    /// Those of them that changed layouts.
    var reorders: [Double] = []
  }

  /// Of `runs` runs, after one that is not counted, the one whose time is the median.
  private func observed(
    _ interpreter: Interpreter, _ inputs: [Tensor]
  ) throws(ModelError) -> ObservedRun {
    var all: [ObservedRun] = []
    defer { interpreter.observer = nil }
    let clock = ContinuousClock()
    for _ in 0...runs {
      var run = ObservedRun()
      var known = workspace.reorderSeconds
      interpreter.observer = { [workspace] _, time in
        run.nodes.append(time)
        run.reorders.append(workspace.reorderSeconds - known)
        known = workspace.reorderSeconds
      }
      let start = clock.now
      _ = try interpreter.run(inputs)
      run.seconds = (clock.now - start) / .seconds(1)
      all.append(run)
    }
    let counted = all.dropFirst().sorted { $0.seconds < $1.seconds }
    return counted[(counted.count - 1) / 2]
  }

  private func items(of nodes: [Profile.NodeItem]) -> [Profile.Item] {
    let total = nodes.reduce(0) { $0 + $1.seconds }
    return Dictionary(grouping: nodes, by: \.operatorName).map { name, nodes in
      let seconds = nodes.reduce(0) { $0 + $1.seconds }
      return Profile.Item(
        name: name, count: nodes.count, seconds: seconds, share: seconds / total)
    }.sorted { $0.seconds > $1.seconds }
  }

  /// The kinds of work of a run; together they are all of it.
  private func kinds(of nodes: [Profile.NodeItem], in run: ObservedRun) -> [Profile.Kind] {
    var seconds: [String: Double] = [:]
    for (index, node) in nodes.enumerated() {
      seconds[node.kind, default: 0] += run.nodes[index] - run.reorders[index]
    }
    seconds["reorders"] = run.reorders.reduce(0, +)
    seconds["overhead"] = run.seconds - run.nodes.reduce(0, +)
    return seconds.map { Profile.Kind(name: $0.key, share: $0.value / run.seconds) }
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

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
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
