import Attribution
import Evaluation
import Foundation
import Graphs
import Kernels
import Tensors

/// Models, data, methods and metrics that go together.
struct EvaluationSetting {
  let dataSet: DataSet
  let preparation: SamplePreparation
  let evaluators: [ModelEvaluator]
  let evaluation: EvaluationProtocol
  let notes: [String]

  init(
    _ models: [Model], _ data: String, labels: String?, preprocessing: String?,
    _ options: EvaluationOptions, _ progress: (Double) throws -> Void
  ) throws {
    guard let model = models.first else {
      throw ModelError("there is no model", kind: .usage)
    }
    let path = labels
    let labels = try model.labels(path)
    let dataSet = try DataSet(
      path: data, labels: labels, scores: model.scoreCount, progress: progress)
    var options = options
    let evaluated = try Self.evaluated(models, preprocessing, options)
    let (metrics, omitted) = Self.metrics(options, dataSet, evaluated)
    options.metrics = metrics
    let explainsLabel = options.target.map { $0 == .label } ?? dataSet.isLabelled
    try Self.requireLabels(dataSet, metrics, explainsLabel)
    let masks = try Self.masks(dataSet, options)
    let reader = SampleReader(dataSet: dataSet, models: evaluated, masks: masks)
    let first = try Self.firstPoints(dataSet, reader)
    let settings = EvaluationSettings(
      methods: options.methods, metrics: metrics, seed: options.seed,
      explainsLabel: explainsLabel, hasZeroBaseline: options.baselines == [.zero],
      explainsLayer: options.layer != nil, labels: dataSet.samples.map(\.label))
    var evaluators: [ModelEvaluator] = []
    var entries: [EvaluationProtocol.Model] = []
    for (number, model) in evaluated.enumerated() {
      let (evaluator, batch) = try model.evaluator(number, first[number], settings, options)
      if let highest = dataSet.highestLabel, highest >= (try evaluator.scoreCount()) {
        throw ModelError(
          "the data set has a class \(highest), model '\(model.name)' gives "
            + "\(try evaluator.scoreCount()) scores", file: data)
      }
      let without = options.methods.indices.filter { !evaluator.methodNumbers.contains($0) }
      evaluators.append(evaluator)
      entries.append(
        .init(
          name: model.name, sha256: model.model.sha256(),
          preprocessing: model.port.isPicture ? model.rule.preprocessing : nil, batch: batch,
          without: without.map { options.methods[$0].description },
          quadrature: evaluator.usualRule(of: options.methods)))
    }
    if dataSet.isLabelled { try Self.requireSameClasses(models, labels, hasFile: path != nil) }
    try Self.requireUse(of: options.methods, entries)
    self.dataSet = dataSet
    self.evaluators = evaluators
    evaluation = EvaluationProtocol(
      version: version, data: .init(dataSet, masks: masks?.digest), models: entries,
      methods: options.methods.map(\.description), metrics: metrics,
      target: explainsLabel ? "label" : "argmax", space: options.space.description,
      baseline: try options.baselines.map { try $0.fingerprint() }.joined(separator: ","),
      layer: options.layer, precision: model.precision.rawValue, seed: options.seed)
    preparation = SamplePreparation(
      dataSet: dataSet, read: { try reader.read($0, withMasks: $1) }, shapes: first.map(\.shape),
      channelAxes: evaluated.map(\.channelAxis),
      baselines: try zip(evaluated, first).map { try $0.baselines(options.baselines, like: $1) },
      drawsFromBaselines: options.baselines.count > 1 || options.baselines[0].isFile,
      masksPixels: options.layer == nil && metrics.contains(where: \.masksPixels),
      insertsPixels: options.layer == nil && metrics.contains(.insertion),
      references: options.methods.map(\.references).max() ?? 0, seed: options.seed)
    notes = Self.notes(dataSet, evaluated, entries) + omitted
  }

  private static func evaluated(
    _ models: [Model], _ preprocessing: String?, _ options: EvaluationOptions
  ) throws -> [EvaluatedModel] {
    var evaluated: [EvaluatedModel] = []
    for model in models {
      guard let port = model.inputs.first, model.inputs.count == 1 else {
        throw ModelError(
          "a model of \(model.inputs.count) inputs cannot be evaluated, only one of a single input",
          kind: .usage, file: model.url.relativePath)
      }
      if options.layer == nil { try model.requireExplainable(options.space) }
      guard preprocessing == nil || port.isPicture || port.dimensions == nil else {
        throw ModelError(
          "--preprocess is for pictures, input '\(port.name)' takes \(port.typeDescription)",
          kind: .usage, file: model.url.relativePath)
      }
      for metric in options.metrics ?? [] { try require(metric, options, port, of: model) }
      evaluated.append(
        EvaluatedModel(
          model: model, name: ModelInput.stem(of: model.url.relativePath), port: port,
          rule: try model.pictureRule(preprocessing)))
    }
    var seen: Set<String> = []
    for model in evaluated where !seen.insert(model.name).inserted {
      throw ModelError(
        "two models are named '\(model.name)'; results are kept by name, so rename a file",
        kind: .usage)
    }
    return evaluated
  }

  /// Refuses a metric that means nothing for what is explained.
  private static func require(
    _ metric: Metric, _ options: EvaluationOptions, _ port: ModelPort, of model: Model
  ) throws(ModelError) {
    if options.layer != nil, !metric.isDefinedAtLayers {
      let reason =
        metric.needsMasks
        ? "compares with masks of pictures, which a layer has no pixels for"
        : "judges the model by inputs of less contrast, not a layer"
      throw ModelError(
        "metric '\(metric.rawValue)' \(reason); leave it or --layer out", kind: .usage)
    }
    if options.layer == nil, metric.needsPictures, !port.isPicture {
      throw ModelError(
        "metric '\(metric.rawValue)' is one of pictures, input '\(port.name)' takes "
          + "\(port.typeDescription); --layer NAME evaluates an inner value", kind: .usage,
        file: model.url.relativePath)
    }
  }

  /// What is measured, and what is said about metrics that are left out.
  private static func metrics(
    _ options: EvaluationOptions, _ dataSet: DataSet, _ models: [EvaluatedModel]
  ) -> (metrics: [Metric], notes: [String]) {
    if let metrics = options.metrics { return (metrics, []) }
    let hasPlaces = options.layer != nil || models.allSatisfy(\.port.isPicture)
    let metrics = Metric.paper.filter {
      (dataSet.isLabelled || !$0.needsLabels) && (hasPlaces || !$0.needsPictures)
        && ($0 != .difference || options.methods.count > 1)
    }
    let omitted = Metric.paper.filter { !metrics.contains($0) }
    return (
      metrics,
      omitted.map { metric in
        "\(metric.rawValue) left out: "
          + (metric.needsLabels
            ? "the samples have no labels"
            : metric == .difference ? "there is one method only" : "the model takes no pictures")
      }
    )
  }

  /// Refuses models for which one label means different scores.
  private static func requireSameClasses(
    _ models: [Model], _ labels: [String], hasFile: Bool
  ) throws {
    guard let first = models.first else { return }
    for model in models.dropFirst() {
      let file = model.url.relativePath
      if let count = model.scoreCount, let other = first.scoreCount, count != other {
        throw ModelError(
          "it gives \(count) scores, \(first.url.relativePath) \(other); models of other classes are "
            + "evaluated one by one", kind: .usage, file: file)
      }
      let own = hasFile ? [] : try model.labels(nil)
      guard !own.isEmpty, !labels.isEmpty else { continue }
      for place in 0..<max(own.count, labels.count) {
        let (mine, other) = (
          place < own.count ? own[place] : "", place < labels.count ? labels[place] : ""
        )
        guard mine == other else {
          throw ModelError(
            "the labels beside it name score \(place) '\(mine)', those of \(first.url.relativePath) "
              + "'\(other)'; evaluate them one by one, or name one file with --labels",
            kind: .usage,
            file: file)
        }
      }
    }
  }

  private static func requireLabels(
    _ dataSet: DataSet, _ metrics: [Metric], _ explainsLabel: Bool
  ) throws(ModelError) {
    guard !dataSet.isLabelled else { return }
    let advice =
      switch dataSet.kind {
      case .array: "save them beside it as NAME.labels.npy"
      case .lines: "begin each line with a label and a tab"
      default: "put the pictures into one folder a class, or list their labels in labels.csv"
      }
    if let metric = metrics.first(where: \.needsLabels) {
      throw ModelError(
        "metric '\(metric.rawValue)' needs labels, and the samples have none; \(advice)",
        kind: .usage, file: dataSet.path)
    }
    if explainsLabel {
      throw ModelError(
        "--target label needs labels, and the samples have none; \(advice)", kind: .usage,
        file: dataSet.path)
    }
  }

  private static func masks(
    _ dataSet: DataSet, _ options: EvaluationOptions
  ) throws(ModelError) -> MaskFolder? {
    guard let folder = options.masks else {
      if let metric = options.metrics?.first(where: \.needsMasks) {
        throw ModelError(
          "metric '\(metric.rawValue)' needs masks of the objects; name their folder with --masks",
          kind: .usage)
      }
      return nil
    }
    guard options.metrics?.contains(where: \.needsMasks) == true else {
      let metrics = Metric.allCases.filter(\.needsMasks).map(\.rawValue)
      throw ModelError(
        "--masks goes with the metrics \(metrics.joined(separator: ", "))", kind: .usage)
    }
    guard FileManager.default.fileExists(atPath: folder) else {
      throw ModelError("there is no such folder", kind: .noInput, file: folder)
    }
    return try MaskFolder(folder, of: dataSet)
  }

  /// The first sample that can be read, which says how large others must be.
  private static func firstPoints(
    _ dataSet: DataSet, _ reader: SampleReader
  ) throws -> [Tensor] {
    var failure: (any Error)?
    for sample in dataSet.samples {
      do {
        return try reader.read(sample, withMasks: false).points.map {
          $0.rows(0..<min(1, $0.shape.first ?? 1))
        }
      } catch {
        failure = failure ?? error
      }
    }
    let reason = (failure as? ModelError).map { ", such as \($0)" } ?? ""
    throw ModelError(
      "none of the \(dataSet.samples.count) samples can be read\(reason)", file: dataSet.path)
  }

  private static func requireUse(
    of methods: [Method], _ models: [EvaluationProtocol.Model]
  ) throws(ModelError) {
    if let method = methods.first(where: { $0.attributedLayer != nil }) {
      throw ModelError(
        "method '\(method)' has no map of what is evaluated; leave it out, or name its layer with "
          + "--layer", kind: .usage)
    }
    for method in methods.map(\.description)
    where models.allSatisfy({ $0.without.contains(method) }) {
      throw ModelError(
        "method '\(method)' needs a homogeneous model and a zero baseline, at a layer too; inspect "
          + "says what keeps a model from being homogeneous, strip-biases makes one", kind: .usage)
    }
  }

  private static func notes(
    _ dataSet: DataSet, _ models: [EvaluatedModel], _ entries: [EvaluationProtocol.Model]
  ) -> [String] {
    var notes: [String] = []
    if let first = dataSet.sortedClasses.first, let last = dataSet.sortedClasses.last {
      notes.append(
        "folders are taken for classes in sorted order, '\(first)' for 0 and '\(last)' for "
          + "\(dataSet.sortedClasses.count - 1); --labels names the model's classes")
    }
    for model in models where model.rule.isGuess && model.port.isPicture {
      notes.append(
        "pictures for '\(model.name)' are preprocessed as '\(model.rule.name)'; --preprocess says "
          + "otherwise")
    }
    if Set(entries.compactMap(\.quadrature)).count > 1 {
      let rules = entries.map { "\($0.quadrature ?? "none") for '\($0.name)'" }
      notes.append(
        "ig takes its usual rule, which is not the same everywhere: \(rules.joined(separator: ", "))"
      )
    }
    for entry in entries where !entry.without.isEmpty {
      notes.append(
        "\(entry.without.joined(separator: ", ")) left out for '\(entry.name)', which is not "
          + "homogeneous from zero on")
    }
    return notes
  }
}

extension Model {
  /// Refuses a model whose only input gets no attribution.
  fileprivate func requireExplainable(_ space: TargetSpace) throws(ModelError) {
    guard let input = graph.inputs.first else { return }
    do throws(ModelError) {
      try graph.requireExplainable(
        input, from: try graph.scores(in: space).value, option: "--layer")
    } catch {
      throw error.inFile(url.relativePath)
    }
  }
}

extension EvaluatedModel {
  /// The axis of the channels in a batch of pictures.
  fileprivate var channelAxis: Int? {
    port.isPicture ? (port.hasChannelsLast ? 3 : 1) : nil
  }

  /// What makes rows to compare a batch of one with, like the first sample.
  fileprivate func baselines(
    _ baselines: [Baseline], like first: Tensor
  ) throws -> @Sendable (Tensor) -> [Tensor] {
    let input = ModelInput(
      stem: name, path: model.url.relativePath, tensor: first, picture: nil,
      preprocessing: rule.isGuess ? nil : rule.preprocessing)
    do {
      return try model.baselines(baselines, for: input, port: port, rule: rule).rows
    } catch let error as ModelError {
      throw error.inFile(model.url.relativePath)
    }
  }

  /// The model at work on samples like this one, and how many run together.
  fileprivate func evaluator(
    _ number: Int, _ first: Tensor, _ settings: EvaluationSettings, _ options: EvaluationOptions
  ) throws -> (ModelEvaluator, batch: Int) {
    do throws(ModelError) {
      let workspace = Workspace()
      let (function, layer) = try function(first, options, in: workspace)
      try function.makeRowsExact()
      let evaluator = try ModelEvaluator(
        name: name, number: number, function: function, workspace: workspace,
        pixels: pixels(of: first, layer), settings: settings, layer: layer)
      return (evaluator, function.batchSize)
    } catch {
      throw error.inFile(model.url.relativePath)
    }
  }

  /// The function of the input, or of a layer.
  private func function(
    _ first: Tensor, _ options: EvaluationOptions, in workspace: Workspace
  ) throws(ModelError) -> (ModelFunction, LayerPoints?) {
    guard let name = options.layer else {
      let function = try ModelFunction(
        model.graph, explaining: 0, shape: first.shape, space: options.space,
        precision: model.precision, batching: .padded, in: workspace)
      return (function, nil)
    }
    let value = try model.graph.layer(named: name)
    let (scores, input) = (try model.graph.scores(in: options.space).value, model.graph.inputs[0])
    guard model.graph.depends(value, on: input), model.graph.depends(scores, on: value) else {
      throw ModelError(
        "layer '\(name)' does not lie between input '\(port.name)' and the scores; name one that "
          + "does, inspect --layers lists all", kind: .usage)
    }
    let session = ModelSession(model)
    guard value != input else {
      throw ModelError("layer '\(name)' is the input; leave --layer out", kind: .usage)
    }
    let layer = try LayerPoints(input: 0, zeros: first.zeros()) { (input) throws(ModelError) in
      try session.compute(value, from: [input])[0]
    }
    guard layer.elementType.isFloatingPoint else {
      throw ModelError(
        "layer '\(name)' holds \(layer.elementType), which gets no attribution; name one of "
          + "floating-point numbers behind it, inspect --layers lists all", kind: .usage)
    }
    let point = Tensor(repeating: 0.0, shape: layer.valueShape)
      .converted(to: layer.elementType)
    let function = try ModelFunction(
      try model.graph.cut(at: value, like: point), explaining: 1, shape: point.shape,
      fixed: [0: first], space: options.space, precision: model.precision,
      batching: point.shape.first == 1 ? .padded : .whole, in: workspace)
    return (function, layer)
  }

  /// How the pixels of samples, or the places of a layer, lie; nil where samples are no pictures.
  private func pixels(of first: Tensor, _ layer: LayerPoints?) -> PixelLayout? {
    if let layer {
      // Samples are counted by the first dimension, or by the second behind that of the places.
      var extents = Array(layer.valueShape)
      if let axis = extents.prefix(2).firstIndex(of: 1) { extents.remove(at: axis) }
      return PixelLayout(placesOf: Shape(extents))
    }
    guard port.isPicture else { return nil }
    return PixelLayout(
      Shape(Array(first.shape.dropFirst())), isChannelsLast: port.hasChannelsLast)
  }
}

extension Baseline {
  /// Whether it is a file or folder.
  fileprivate var isFile: Bool { if case .file = self { true } else { false } }
}
