import Attribution
import Graphs
import Kernels
import Rewrites
import Tensors

/// The graphs that an exported model is written from, for any number of samples.
struct ExportGraphs {
  /// From the inputs of the model to the scores and the outputs of the model; unless gradients are
  /// taken along a path, from the seed as well and to the gradient.
  let whole: BatchedGraph
  /// From the inputs of the model, so many points for each sample, and the seed to the gradient along a
  /// path; nil for other methods.
  let gradient: BatchedGraph?
  /// From the inputs of the model to the scores, where other inputs than the explained one matter for
  /// those of the baseline.
  let scores: BatchedGraph?
  /// For each input of the model its extents.
  let inputExtents: [[BatchExtent]]
  /// For each output of the model its extents.
  let outputExtents: [[BatchExtent]]
  /// The extents of the scores.
  let scoreExtents: [BatchExtent]

  /// The numbers of samples that the graphs for any number are learnt from.
  private static let instances = [2, 3, 5]

  /// - Parameters:
  ///   - model: the graph as imported, its outputs the scores, then those of the model.
  ///   - explained: the index of the input that is explained.
  ///   - path: what is added up along a path, and the points of it that run together.
  init(
    _ model: Graph, explaining explained: Int, along path: (path: ExportedPath, points: Int)?,
    _ shapes: ExportShapes, opset: Int, in workspace: Workspace
  ) throws(ModelError) {
    let samples = shapes.batchName == nil ? [shapes.fixedRows] : Self.instances
    func typed(_ model: Graph, points: Int) throws(ModelError) -> [Graph] {
      try samples.map { (count) throws(ModelError) in
        try model.specialized(to: try shapes.shapes(count, points: points), in: workspace)
          .simplified().poolingBeforeRelu()
      }
    }
    func batched(
      _ graphs: [Graph], _ change: (Graph) throws(ModelError) -> Graph
    ) throws(ModelError) -> BatchedGraph {
      var instances: [(samples: Int, graph: Graph)] = []
      for (count, graph) in zip(samples, graphs) { instances.append((count, try change(graph))) }
      return instances.count == 1
        ? BatchedGraph(fixed: instances[0].graph) : try BatchedGraph(unifying: instances)
    }
    func differentiated(_ graph: Graph) throws(ModelError) -> Graph {
      let (scores, point) = (graph.outputs[0], graph.inputs[explained])
      let gradient =
        if let path, path.path.isMean {
          try graph.meanGradient(of: scores, withRespectTo: point, points: path.points)
        } else {
          try graph.gradient(of: scores, withRespectTo: [point])
        }
      guard gradient.arrives[0] else {
        throw ModelError(noGradientOf: scores, reaching: point, in: graph)
      }
      return try gradient.graph.lowered(to: opset)
    }
    let graphs = try typed(model, points: 1)
    if let path {
      whole = try batched(graphs) { (graph) throws(ModelError) in try graph.lowered(to: opset) }
      let rows = try typed(model.selecting([model.outputs[0]]), points: path.points)
      gradient = try batched(rows) { (graph) throws(ModelError) in
        let graph = try differentiated(graph)
        return graph.selecting(graph.outputs.suffix(1))
      }
      scores =
        model.inputs.count == 1
        ? nil
        : try batched(graphs) { (graph) throws(ModelError) in
          try graph.selecting([graph.outputs[0]]).lowered(to: opset)
        }
    } else {
      whole = try batched(graphs, differentiated)
      (gradient, scores) = (nil, nil)
    }
    inputExtents = try Self.extents(of: graphs, samples, \.inputs)
    let outputs = try Self.extents(of: graphs, samples, \.outputs)
    scoreExtents = outputs[0]
    outputExtents = Array(outputs.dropFirst())
  }

  /// The extents of some values of each graph, as functions of the number of samples.
  private static func extents(
    of graphs: [Graph], _ samples: [Int], _ values: (Graph) -> [Value]
  ) throws(ModelError) -> [[BatchExtent]] {
    let shapes = graphs.map { graph in values(graph).map { graph.type(of: $0)?.shape ?? [] } }
    return try shapes[0].indices.map { (place) throws(ModelError) in
      let instances = shapes.map { $0[place].dimensions }
      return try instances[0].indices.map { (axis) throws(ModelError) in
        guard let extent = BatchExtent(samples: samples, extents: instances.map { $0[axis] })
        else {
          throw ModelError(
            "an extent of an output is no multiple of the number of samples; fix that with --batch",
            kind: .usage)
        }
        return extent
      }
    }
  }
}
