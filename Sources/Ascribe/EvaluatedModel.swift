import Attribution
import Evaluation
import Foundation
import Graphs
import Kernels
import Tensors

/// A model of an evaluation and what its input is given.
struct EvaluatedModel: Sendable {
  let model: Model
  let name: String
  /// The place of the explained input among the model's.
  let index: Int
  let rule: PictureRule
  /// What its other inputs get.
  let others: [OtherInput]

  /// The input that the samples are for.
  var port: ModelPort { model.inputs[index] }
}

extension EvaluatedModel {
  /// What its inputs beside the explained one get, for the first sample where they follow the samples.
  var held: [Int: Tensor] {
    Dictionary(uniqueKeysWithValues: others.map { ($0.index, $0.first) })
  }

  /// Digests of what these inputs get, by their names; nil where there are none.
  var fingerprints: [String: String]? {
    guard !others.isEmpty else { return nil }
    return Dictionary(
      others.map { (model.inputs[$0.index].name, $0.fingerprint) }, uniquingKeysWith: { $1 })
  }

  /// Refuses names that are inputs of none of the models.
  static func requireInputs(_ names: [String], among models: [Model]) throws(ModelError) {
    let known = models.flatMap { $0.inputs.map(\.name) }
    for name in names where !known.contains(name) {
      throw ModelError(
        "--input names '\(name)', which is no input of the model"
          + Suggestion.text(for: name, among: known), kind: .usage)
    }
  }
}

/// Which inputs of models are for the samples, and what the others get.
extension Model {
  /// The first input that is not named.
  ///
  /// - Throws: `ModelError` if there is none, or if another one gets nothing.
  func sampleInput(beside named: [String: String]) throws(ModelError) -> Int {
    let open = inputs.indices.filter { named[inputs[$0].name] == nil }
    guard let index = open.first else {
      throw ModelError(
        inputs.isEmpty
          ? "the model takes no input"
          : "every input is named by --input; leave out the one that --data is for",
        kind: .usage, file: url.relativePath)
    }
    guard open.count == 1 else {
      let names = open.dropFirst().map { "--input \(inputs[$0].name)=FILE" }
      throw ModelError(
        "--data is for input '\(inputs[index].name)', and the model needs further ones; give "
          + names.joined(separator: " "), kind: .usage, file: url.relativePath)
    }
    return index
  }

  /// What the inputs beside that of the samples get.
  ///
  /// - Throws: `ModelError` if a file cannot be read or does not fit.
  func otherInputs(
    _ named: [String: String], beside index: Int, samples: Int
  ) throws -> [OtherInput] {
    try inputs.indices.compactMap { other in
      try named[inputs[other].name].map { path in
        try OtherInput(of: self, at: other, from: path, beside: inputs[index], samples: samples)
      }
    }
  }
}

extension EvaluatedModel {
  /// The axis of the channels in a batch of pictures.
  var channelAxis: Int? {
    port.isPicture ? (port.hasChannelsLast ? 3 : 1) : nil
  }

  /// What makes rows to compare a batch of one with, like the first sample.
  func baselines(
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
  func evaluator(
    _ number: Int, _ first: Tensor, of dataSet: DataSet, _ settings: EvaluationSettings,
    _ options: EvaluationOptions
  ) throws -> (ModelEvaluator, batch: Int) {
    do throws(ModelError) {
      let workspace = Workspace()
      let (function, layer) = try function(first, options, in: workspace)
      try function.makeRowsExact()
      let evaluator = try ModelEvaluator(
        name: name, number: number, function: function, workspace: workspace,
        pixels: layer == nil ? pixels(of: first) : PixelLayout(try function.sampleLayout()),
        settings: settings, following: following(dataSet), layer: layer)
      return (evaluator, function.batchSize)
    } catch {
      throw naming(first, error).inFile(model.url.relativePath)
    }
  }

  /// The error of a node, told of what the inputs got where the model leaves more of them open than the
  /// number of samples.
  private func naming(_ first: Tensor, _ error: ModelError) -> ModelError {
    let isOpen = others.contains {
      model.inputs[$0.index].dimensions?.dropFirst().contains(nil) ?? true
    }
    guard error.node != nil, isOpen else { return error }
    let given =
      ["'\(port.name)' \(first) of --data"]
      + others.map { "'\(model.inputs[$0.index].name)' \($0.first) of \($0.path)" }
    return ModelError(
      "\(error.reason); the model was given \(given.joined(separator: ", "))", kind: error.kind,
      file: error.file, node: error.node)
  }

  /// Rows of each input that are looked at to find out whether samples share a batch.
  private static let differentRows = 3

  /// What the inputs get that follow the samples, until each has been seen in a few different ways.
  private func following(_ dataSet: DataSet) -> [ModelFunction.Others] {
    let rows = others.filter(\.followsSamples).map { other in
      var rows = [other.first]
      for sample in dataSet.samples where rows.count < Self.differentRows {
        // One that cannot be read fails its sample, when that is evaluated.
        guard let row = try? other.tensor(for: sample) else { continue }
        if !rows.contains(where: row.hasElements) { rows.append(row) }
      }
      return (index: other.index, rows: rows)
    }
    return (0..<(rows.map(\.rows.count).max() ?? 0)).map { number in
      Dictionary(
        uniqueKeysWithValues: rows.map { ($0.index, $0.rows[number % $0.rows.count]) })
    }
  }

  /// The function of the input, or of a layer.
  private func function(
    _ first: Tensor, _ options: EvaluationOptions, in workspace: Workspace
  ) throws(ModelError) -> (ModelFunction, LayerPoints?) {
    guard let name = options.layer else {
      let function = try ModelFunction(
        model.graph, explaining: index, shape: first.shape, fixed: held, space: options.space,
        precision: model.precision, batching: .padded, example: first, in: workspace)
      return (function, nil)
    }
    let value = try model.graph.layer(named: name)
    let scores = try model.graph.scores(in: options.space).value
    let input = model.graph.inputs[index]
    guard model.graph.depends(value, on: input), model.graph.depends(scores, on: value) else {
      throw ModelError(
        "layer '\(name)' does not lie between input '\(port.name)' and the scores; name one that "
          + "does, inspect --layers lists all", kind: .usage)
    }
    let session = ModelSession(model)
    guard value != input else {
      throw ModelError("layer '\(name)' is the input; leave --layer out", kind: .usage)
    }
    let read = others.filter {
      $0.followsSamples && model.graph.depends(value, on: model.graph.inputs[$0.index])
    }
    let layer = try LayerPoints(
      input: index, zeros: first.zeros(),
      others: held.filter { index, _ in
        read.contains { $0.index == index }
      }
    ) { [held, model, index] (input, others) throws(ModelError) in
      let tensors = model.inputs.indices.compactMap {
        $0 == index ? input : others[$0] ?? held[$0]
      }
      return try session.compute(value, from: tensors)[0]
    }
    guard layer.elementType.isFloatingPoint else {
      throw ModelError(
        "layer '\(name)' holds \(layer.elementType), which gets no attribution; name one of "
          + "floating-point numbers behind it, inspect --layers lists all", kind: .usage)
    }
    let written = try model.graph.selecting([value]).specialized(
      for: model.inputs.indices.compactMap { $0 == index ? first : held[$0] }, in: workspace
    ).graph
    let point = Tensor(repeating: 0.0, shape: layer.valueShape)
      .converted(to: layer.elementType)
    let function = try ModelFunction(
      try model.graph.cut(at: value, like: point), explaining: model.inputs.count,
      shape: point.shape, explainsLayer: true,
      writtenChannels: written.writtenChannelAxis(of: written.outputs[0]),
      fixed: held.merging([index: first]) { $1 }, space: options.space,
      precision: model.precision,
      batching: point.shape.first == 1 ? .padded : .whole, in: workspace)
    return (function, layer)
  }

  /// How the pixels of samples lie; nil where they are no pictures.
  private func pixels(of first: Tensor) -> PixelLayout? {
    guard port.isPicture else { return nil }
    return PixelLayout(
      Shape(Array(first.shape.dropFirst())), isChannelsLast: port.hasChannelsLast)
  }
}
