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
      model.graph, explaining: 0, shape: Shape([1] + pointShape), in: workspace)
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
    return Profile(
      batch: batch, pointShape: function.pointShape.dimensions,
      forwardSeconds: median(Array(forwardSeconds.dropFirst())),
      gradientSeconds: median(Array(gradientSeconds.dropFirst())),
      peakBytes: workspace.peakBytes, threads: workspace.threadCount,
      operators: try items(of: gradient, inputs, runs))
  }

  private func items(
    of interpreter: Interpreter, _ inputs: [Tensor], _ runs: Int
  ) throws(ModelError) -> [Profile.Item] {
    var seconds: [String: [Double]] = [:]
    for _ in 0..<runs {
      var sums: [String: Double] = [:]
      interpreter.observer = { node, time in sums[node.operatorName, default: 0] += time }
      _ = try interpreter.run(inputs)
      for (name, sum) in sums { seconds[name, default: []].append(sum) }
    }
    interpreter.observer = nil
    let counts = Dictionary(
      interpreter.graph.nodes.map { ($0.operatorName, 1) }, uniquingKeysWith: +)
    let medians = seconds.mapValues(median)
    let total = medians.values.reduce(0, +)
    return medians.map { name, time in
      Profile.Item(name: name, count: counts[name] ?? 0, seconds: time, share: time / total)
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
