import Attribution
import Graphs
import Kernels
import Tensors

/// Where the time of a model goes.
public struct Profile: Sendable, Codable {
  /// All nodes of one operator in the graph that computes scores and gradients.
  public struct Item: Sendable, Codable {
    /// The operator; those of gradients among them.
    public let name: String
    /// Its nodes.
    public let count: Int
    /// Seconds in them per batch, the median over runs.
    public let seconds: Double
    /// The share of all nodes' seconds.
    public let share: Double
  }

  /// One node of that graph.
  public struct NodeItem: Sendable, Codable {
    /// The node's name; gradients have that of the node that they belong to.
    public let name: String
    /// The operator.
    public let operatorName: String
    /// The shape of the first output.
    public let shape: [Int]
    /// Seconds per batch, the median over runs.
    public let seconds: Double
  }

  /// Samples per batch.
  public let batch: Int
  /// The extents of one sample.
  public let pointShape: [Int]
  /// Seconds of a forward pass of the batch, the median over runs.
  public let forwardSeconds: Double
  /// Seconds of a forward pass and the gradient with respect to the input.
  public let gradientSeconds: Double
  /// Bytes of intermediate values at the worst moment.
  public let peakBytes: Int
  /// Threads that kernels run on.
  public let threads: Int
  /// By operator, the slowest first.
  public let operators: [Item]
  /// Node by node, in the order in which they run.
  public let nodes: [NodeItem]
}

extension ModelSession {
  /// Measures the model on a batch of noise.
  ///
  /// - Parameter size: height and width of pictures, where the model leaves them open.
  /// - Throws: `ModelError` if the model has several inputs, leaves other extents open, or has no
  ///   gradient.
  public func profile(batch: Int, runs: Int, size: Int = 224) throws -> Profile {
    guard model.inputs.count == 1, let dimensions = model.inputs[0].dimensions else {
      throw ModelError("bench takes models of one input whose rank is known", kind: .usage)
    }
    let extents = dimensions.enumerated().dropFirst().map { axis, extent in
      extent ?? (dimensions.count == 4 && axis > 0 ? size : nil)
    }
    guard !extents.contains(nil), let pointShape = Shape(checking: extents.compactMap(\.self))
    else {
      throw ModelError(
        "input '\(model.inputs[0].name)' is \(model.inputs[0].typeDescription); bench cannot "
          + "choose its extents", kind: .usage)
    }
    let function = try ModelFunction(
      model.graph, explaining: 0, shape: Shape([1] + pointShape), precision: model.precision,
      in: workspace)
    guard function.hasBatches else {
      throw ModelError(
        "bench takes models whose first dimension counts samples, which input "
          + "'\(model.inputs[0].name)' does not", kind: .usage)
    }
    let fixed = (dimensions.first ?? nil).flatMap { $0 > 1 ? $0 : nil }
    return try Profiler(function: function, workspace: workspace)
      .measure(batch: fixed ?? batch, runs: runs)
  }
}

/// Runs a function's graphs and notes how long each node takes.
private struct Profiler {
  let function: ModelFunction
  let workspace: Workspace

  func measure(batch: Int, runs: Int) throws(ModelError) -> Profile {
    let forward = try function.forwardInterpreter(rows: batch)
    let gradient = try function.gradientInterpreter(rows: batch)
    let points = Tensor.noise(
      shape: Shape([batch] + function.pointShape), seed: 1
    ).converted(to: function.elementType)
    var inputs = [points]
    var forwardSeconds: [Double] = []
    for _ in 0...runs {
      forwardSeconds.append(try seconds { () throws(ModelError) in try forward.run(inputs) })
    }
    inputs.append(try function.oneHotSeed(for: 0, rows: batch, of: gradient))
    var gradientSeconds: [Double] = []
    for _ in 0...runs {
      gradientSeconds.append(try seconds { () throws(ModelError) in try gradient.run(inputs) })
    }
    let nodes = try nodes(of: gradient, inputs, runs)
    return Profile(
      batch: batch, pointShape: function.pointShape.dimensions,
      forwardSeconds: median(Array(forwardSeconds.dropFirst())),
      gradientSeconds: median(Array(gradientSeconds.dropFirst())),
      peakBytes: workspace.peakBytes, threads: workspace.threadCount, operators: items(of: nodes),
      nodes: nodes)
  }

  private func nodes(
    of interpreter: Interpreter, _ inputs: [Tensor], _ runs: Int
  ) throws(ModelError) -> [Profile.NodeItem] {
    var seconds: [[Double]] = []
    for _ in 0..<runs {
      var times: [Double] = []
      interpreter.observer = { _, time in times.append(time) }
      _ = try interpreter.run(inputs)
      seconds.append(times)
    }
    interpreter.observer = nil
    let graph = interpreter.graph
    return graph.nodes.enumerated().map { index, node in
      Profile.NodeItem(
        name: node.name, operatorName: node.operatorName,
        shape: graph.type(of: node.outputs[0])?.shape.dimensions ?? [],
        seconds: median(seconds.map { $0[index] }))
    }
  }

  private func items(of nodes: [Profile.NodeItem]) -> [Profile.Item] {
    let total = nodes.reduce(0) { $0 + $1.seconds }
    return Dictionary(grouping: nodes, by: \.operatorName).map { name, nodes in
      let seconds = nodes.reduce(0) { $0 + $1.seconds }
      return Profile.Item(
        name: name, count: nodes.count, seconds: seconds, share: seconds / total)
    }.sorted { $0.seconds > $1.seconds }
  }

  private func seconds(
    _ body: () throws(ModelError) -> [Tensor]
  ) throws(ModelError) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    _ = try body()
    return (clock.now - start) / .seconds(1)
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
