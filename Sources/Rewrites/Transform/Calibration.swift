package import Graphs
import Kernels
package import Tensors

/// A bias-free network whose weights were fitted to pictures.
package struct Calibration: Sendable {
  package let graph: Graph
  /// What was done to each layer, in the order in which it was done. Layers whose weights were known
  /// from an earlier run are left out.
  package let layers: [CalibratedLayer]
}

extension Graph {
  /// This bias-free conversion of `reference` with weights that do what its biases did.
  ///
  /// Layers are fitted one after the other, each to what the layers before it give with their new
  /// weights. Law: only constants that are weights change, so what is homogeneous stays so; the same
  /// pictures, options, machine and number of threads give the same bits.
  ///
  /// Every pass over the pictures serves all layers that do not depend on each other. Memory does not
  /// depend on the number of pictures.
  ///
  /// - Parameters:
  ///   - reference: the original, of one input; values that are in both graphs have the same names.
  ///     Neither is specialised.
  ///   - known: weights that an earlier run with the same pictures and options gave to `finished`.
  ///   - progress: told after every batch; what it throws ends the work.
  ///   - finished: given each layer and the constant that it has from now on, changed or not.
  /// - Throws: `ModelError` if there are no pictures, or that names the node that fails or the layer
  ///   whose values are not finite; what the closures throw.
  package func calibrated(
    as reference: Graph, on pictures: @escaping PictureSource, _ options: CalibrationOptions,
    known: [String: Tensor] = [:],
    progress: @escaping (CalibrationProgress) throws -> Void = { _ in },
    finished: @escaping (CalibratedLayer, Tensor) throws -> Void = { _, _ in }
  ) throws -> Calibration {
    guard inputs.count == 1, reference.inputs.count == 1,
      let declared = declaredType(of: inputs[0])
    else { throw ModelError("calibration needs a model of one input") }
    let batches = try PictureBatches(pictures, as: declared.elementType, options)
    var engine = CalibrationEngine(self, reference, batches, options, progress, finished)
    return try engine.run(known: known)
  }
}

private struct CalibrationEngine {
  private let reference: Graph
  private let batches: PictureBatches
  private let options: CalibrationOptions
  private let progress: (CalibrationProgress) throws -> Void
  private let finished: (CalibratedLayer, Tensor) throws -> Void

  private var graph: Graph
  private let layers: [LinearLayer]
  private var reports: [CalibratedLayer] = []
  private var layersDone = 0
  private var workDone = 0.0
  private var totalWork = 0.0

  /// Layers whose sums take more than this together are fitted in several passes.
  private static let memoryLimit = 1 << 30

  init(
    _ graph: Graph, _ reference: Graph, _ batches: PictureBatches, _ options: CalibrationOptions,
    _ progress: @escaping (CalibrationProgress) throws -> Void,
    _ finished: @escaping (CalibratedLayer, Tensor) throws -> Void
  ) {
    (self.graph, self.reference, self.batches, self.options) = (graph, reference, batches, options)
    (self.progress, self.finished) = (progress, finished)
    layers = graph.linearLayers(comparedWith: reference)
  }

  mutating func run(known: [String: Tensor]) throws -> Calibration {
    graph = try graph.replacingConstants(known)
    let isOpen = layers.map { options.method == .reconstruction || $0.bias != nil }
    for index in layers.indices where !isOpen[index] { try leave(layers[index], known) }
    let passes = try passes(isOpen)
    let works = passes.map { networks(for: $0).work }
    totalWork = works.reduce(0, +)
    for (pass, work) in zip(passes, works) {
      let rest = pass.filter { known[layers[$0].weightsName] == nil }
      layersDone += pass.count - rest.count
      if !rest.isEmpty { try fit(rest, work: work) }
      workDone += work
      try report(share: workDone / totalWork)
    }
    return Calibration(graph: graph, layers: reports)
  }

  /// Reports a layer to which nothing is added in the original.
  private mutating func leave(_ layer: LinearLayer, _ known: [String: Tensor]) throws {
    layersDone += 1
    guard known[layer.weightsName] == nil, let stored = graph.storedConstant(of: layer.weights)
    else { return }
    let length = LayerWeights(stored, layer.form).length
    let report = layer.report(length: length, reason: "the original adds nothing here")
    reports.append(report)
    try finished(report, stored)
  }

  /// The open layers in groups that one pass over the pictures serves: none depends on another of its
  /// group, and their sums fit memory.
  private func passes(_ isOpen: [Bool]) throws(ModelError) -> [[Int]] {
    var layerOfOutput: [Value: Int] = [:]
    for index in layers.indices where isOpen[index] {
      layerOfOutput[layers[index].node.outputs[0]] = index
    }
    var depths = [Int](repeating: 0, count: graph.records.count)
    var levels: [[Int]] = []
    for node in graph.nodes {
      var depth = node.inputs.compactMap { $0.map { depths[$0.index] } }.max() ?? 0
      if let layer = layerOfOutput[node.outputs[0]] {
        if depth == levels.count { levels.append([]) }
        levels[depth].append(layer)
        depth += 1
      }
      for output in node.outputs { depths[output.index] = depth }
    }
    var passes: [[Int]] = []
    for level in levels {
      var bytes = 0
      for (place, layer) in level.enumerated() {
        let size = layerFit(layer)?.byteCount ?? 0
        if place == 0 || size > Self.memoryLimit - bytes {
          passes.append([])
          bytes = 0
        }
        passes[passes.count - 1].append(layer)
        bytes += size
      }
    }
    return passes
  }

  private func layerFit(_ index: Int) -> LayerFit? {
    guard let stored = graph.storedConstant(of: layers[index].weights) else { return nil }
    var generator = SplitMix64(seed: options.seed &+ UInt64(index))
    return LayerFit(layers[index], stored, seed: generator.next(), options, batches.split)
  }

  /// The parts of both networks that give what some layers are fitted to.
  private struct Networks {
    let converted: Graph
    let reference: Graph?
    /// Where the input and the target of each layer stand among the outputs.
    let inputPlaces: [Int]
    let targetPlaces: [Int]

    /// The cost of running them, in nodes.
    var work: Double { Double(converted.nodes.count + (reference?.nodes.count ?? 0) + 1) }
  }

  private func networks(for pass: [Int]) -> Networks {
    func places(_ values: [Value]) -> (unique: [Value], places: [Int]) {
      var unique: [Value] = []
      let places = values.map { value in
        if let place = unique.firstIndex(of: value) { return place }
        unique.append(value)
        return unique.count - 1
      }
      return (unique, places)
    }
    let inputs = places(pass.map { layers[$0].input })
    let targets = places(pass.map { layers[$0].target })
    let needsReference = options.method == .reconstruction
    return Networks(
      converted: graph.selecting(inputs.unique),
      reference: needsReference ? reference.selecting(targets.unique) : nil,
      inputPlaces: inputs.places, targetPlaces: targets.places)
  }

  /// Runs both networks over all pictures and gives these layers their new weights.
  private mutating func fit(_ pass: [Int], work: Double) throws {
    var fits = try collect(pass, work: work)
    for (place, index) in pass.enumerated() {
      guard let (weights, report) = try fits[place]?.finish() else { continue }
      fits[place] = nil
      graph = try graph.replacingConstants([layers[index].weightsName: weights])
      layersDone += 1
      reports.append(report)
      try finished(report, weights)
    }
  }

  private func collect(_ pass: [Int], work: Double) throws -> [LayerFit?] {
    var fits = pass.map(layerFit)
    let networks = networks(for: pass)
    let workspace = Workspace()
    let converted = BatchRunner(networks.converted, in: workspace)
    let reference = networks.reference.map { BatchRunner($0, in: workspace) }
    let pictureCount = batches.split.fittedCount + batches.split.heldOutCount
    var done = 0
    try batches.forEach { batch in
      let inputs = try converted.run(batch.pictures)
      let targets = try reference?.run(batch.pictures)
      for place in fits.indices {
        try fits[place]?.add(
          inputs[networks.inputPlaces[place]], targets?[networks.targetPlaces[place]], of: batch)
      }
      done += batch.count
      try report(share: (workDone + work * Double(done) / Double(pictureCount)) / totalWork)
    }
    return fits
  }

  private func report(share: Double) throws {
    try progress(
      CalibrationProgress(
        layersDone: layersDone, layerCount: layers.count, share: min(share, 1)))
  }
}

/// Runs a graph that is not specialised on batches, most of which have the same shape.
private final class BatchRunner {
  private let graph: Graph
  private let workspace: Workspace
  private var interpreters: [Shape: Interpreter] = [:]

  /// Pictures of many sizes must not keep as many plans.
  private static let shapeLimit = 4

  init(_ graph: Graph, in workspace: Workspace) {
    (self.graph, self.workspace) = (graph, workspace)
  }

  func run(_ pictures: Tensor) throws(ModelError) -> [Tensor] {
    if let known = interpreters[pictures.shape] { return try known.run([pictures]) }
    let specialized = try graph.specialized(to: [pictures.shape], in: workspace)
    let interpreter = Interpreter(try specialized.simplified().fused(), in: workspace)
    if interpreters.count == Self.shapeLimit { interpreters.removeAll() }
    interpreters[pictures.shape] = interpreter
    return try interpreter.run([pictures])
  }
}
