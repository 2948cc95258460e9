import ArgumentParser
import Ascribe
import Foundation

/// `ascribe run`: what a model says.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model and prints the top classes of each input.",
    usage: "ascribe run [<options>] <model> <input> ...",
    discussion: "For each class: its probability, score, index and label.")

  @Option(help: ArgumentHelp("How many classes to print.", valueName: "count"))
  var top = 5

  @Option(
    help: ArgumentHelp(
      "A folder that receives INPUT.OUTPUT.npy for each input and model output.",
      valueName: "folder"), completion: .directory)
  var output: String?

  @OptionGroup var options: InputOptions

  @Flag(help: "Print one JSON array in place of lines.")
  var json = false

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top must be at least 1") }
    guard options.precision != .bf16Gradients else {
      throw ValidationError(
        "--precision bf16-gradients has no influence here, where no gradient is taken; leave it out"
      )
    }
  }

  func run() throws {
    let job = try Job(options)
    if let output {
      try job.requireDistinctStems()
      try requireDistinctOutputs(job.model)
      try OutputFile.makeFolder(output)
    }
    var predictions: [Prediction] = []
    for path in job.files {
      let input = try job.read(path)
      let outputs = try job.session.run(job.tensors(with: input))
      try save(outputs, of: job.model, stem: input.stem)
      let made = Prediction.top(top, of: outputs[0], input: input, labels: job.labels)
      predictions += made
      if !json { made.forEach { print($0.text) } }
    }
    if json { try Console.print(json: predictions) }
  }

  private func save(_ outputs: [Tensor], of model: Model, stem: String) throws {
    guard let output else { return }
    for (name, tensor) in zip(Self.fileNames(of: model), outputs) {
      try OutputFile.write(tensor.npyData(), to: "\(output)/\(stem).\(name).npy")
    }
  }

  /// The names of the outputs without slashes.
  private static func fileNames(of model: Model) -> [String] {
    model.outputs.map { $0.name.replacing("/", with: "_") }
  }

  private func requireDistinctOutputs(_ model: Model) throws {
    let names = Self.fileNames(of: model)
    guard Set(names).count < names.count else { return }
    throw ModelError(
      "two outputs have the same name once '/' is replaced by '_'; leave out --output",
      kind: .usage, file: model.url.relativePath)
  }
}

/// The best classes of one sample.
private struct Prediction: Encodable {
  struct Class: Encodable {
    let index: Int
    let label: String?
    let score: Double
    let probability: Double

    private enum CodingKeys: CodingKey {
      case index, label, score, probability
    }

    /// Writes every key, with null where the label is not known.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(index, forKey: .index)
      try container.encode(label, forKey: .label)
      try container.encode(score, forKey: .score)
      try container.encode(probability, forKey: .probability)
    }
  }

  let input: String
  let classes: [Class]

  static func top(
    _ count: Int, of output: Tensor, input: ModelInput, labels: [String]
  ) -> [Prediction] {
    let rows = max(1, input.tensor.shape.first ?? 1)
    let scores = output.converted(to: .float64).elements(as: Double.self)
    let isPerRow = output.shape.first == rows
    let samples = isPerRow ? rows : 1
    let width = scores.count / samples
    return (0..<samples).map { row in
      let scores = Array(scores[(row * width)..<((row + 1) * width)])
      let probabilities = Self.probabilities(scores)
      let best = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(count)
      return Prediction(
        input: samples > 1 ? "\(input.path)#\(row)" : input.path,
        classes: best.map { index in
          Class(
            index: index, label: index < labels.count ? labels[index] : nil, score: scores[index],
            probability: probabilities[index])
        })
    }
  }

  /// The scores themselves where they are probabilities already, else their softmax.
  private static func probabilities(_ scores: [Double]) -> [Double] {
    let sum = scores.reduce(0, +)
    if scores.allSatisfy({ $0 >= 0 }), abs(sum - 1) < 1e-3 { return scores }
    let greatest = scores.max() ?? 0
    let powers = scores.map { exp($0 - greatest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  var text: String {
    let rows = classes.map { item in
      [
        "  \(String(format: "%5.1f %%", 100 * item.probability))",
        String(format: "%.4f", item.score), String(item.index), item.label ?? "",
      ]
    }
    return "\(input)\n" + Console.table(rows, rightAligned: [0, 1, 2])
  }
}
