import ArgumentParser
import Ascribe
import Foundation

/// `ascribe strip-biases`: a model made homogeneous.
struct StripBiases: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strip-biases",
    abstract: "Makes a model bias-free, so that one gradient explains it exactly.",
    usage: "ascribe strip-biases [<options>] <model> --output <file>",
    discussion: """
      BatchNormalization is folded into convolutions; then every constant that is added on the way \
      from input to output is removed and named. What keeps the model from being homogeneous for \
      another reason is named too. The result is an ONNX file, explained by method xg of ascribe \
      attribute.
      """)

  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(
    help: ArgumentHelp("The file that receives the bias-free model.", valueName: "file"),
    completion: .file(extensions: ["onnx"]))
  var output: String

  @Option(
    help: ArgumentHelp(
      "A constant, or the node that adds it, to strip although it may be no bias: a mean subtracted from the input, position embeddings. May be repeated.",
      valueName: "name"))
  var also: [String] = []

  @Flag(
    help:
      "Replace what breaks homogeneity and has an honest stand-in: Clip(0, c), HardSwish and SiLU by Relu, LRN by Identity."
  )
  var replace = false

  @Flag(help: "Write nothing and fail if the result is not homogeneous.")
  var strict = false

  @Option(
    help: ArgumentHelp(
      "A folder of pictures, labels not needed, to which weights are fitted that do what the biases did.",
      valueName: "folder"), completion: .directory)
  var absorb: String?

  @Option(
    help: ArgumentHelp(
      "How weights are fitted: auto (both ways, the one that agrees better is kept), absorption or reconstruction.",
      valueName: "method"), completion: .list(["auto", "absorption", "reconstruction"]))
  var absorbMethod = "auto"

  @Option(
    help: ArgumentHelp(
      "A folder of pictures to compare the models on; subfolders named like labels give accuracies. (default: every fifth picture of --absorb)",
      valueName: "folder"), completion: .directory)
  var data: String?

  @Option(
    help: ArgumentHelp(
      "How many of these pictures xg and ig (128 steps) are compared on.", valueName: "count"))
  var compareMaps = 16

  @Option(
    help: ArgumentHelp(
      "What the sample of patches depends on. (default: 0)", valueName: "number"))
  var seed: UInt64?

  @Flag(help: "Go on with an interrupted --absorb to the same output.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "How pictures become numbers: imagenet, caffe, unit, raw or a JSON file. (default: MODEL.preprocess.json beside the model, else imagenet, or unit for one channel)",
      valueName: "preset|file"), completion: .list(["imagenet", "caffe", "unit", "raw"]))
  var preprocess: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one a line. (default: MODEL.labels.txt beside the model)",
      valueName: "file"), completion: .file())
  var labels: String?

  @Flag(help: "Print one JSON value in place of lines.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print neither progress nor notes on standard error.")
  var quiet = false

  func validate() throws {
    _ = try method()
    guard compareMaps >= 0 else { throw ValidationError("--compare-maps must not be negative") }
    guard absorb != nil || !resume else { throw ValidationError("--resume goes with --absorb") }
    guard absorb != nil || seed == nil else { throw ValidationError("--seed goes with --absorb") }
    guard absorb != nil || data != nil || (preprocess == nil && labels == nil) else {
      throw ValidationError("--preprocess and --labels go with --absorb or --data")
    }
    guard absorb != nil || absorbMethod == "auto" else {
      throw ValidationError("--absorb-method goes with --absorb")
    }
  }

  func run() throws {
    let model = try Model(contentsOf: URL(filePath: model))
    let output = URL(filePath: output)
    var conversion = try model.strippingBiases(options)
    try conversion.requireOther(output)
    try OutputFile.requireWritable(self.output)
    if absorb != nil || data != nil { conversion = try measured(conversion) }
    try conversion.write(to: output)
    if absorb != nil { CalibrationSettings.removeStore(storeFolder) }
    if json { return try Console.print(json: conversion.report) }
    let lines = ConversionText.lines(of: conversion.report, output: self.output)
    print(lines.joined(separator: "\n"))
  }

  private func measured(_ conversion: Conversion) throws -> Conversion {
    let model = conversion.original
    let rule = try model.pictureRule(preprocess)
    if rule.isGuess, !quiet, model.inputs.first?.isPicture == true {
      Console.note("note: pictures are preprocessed as '\(rule.name)'; --preprocess says otherwise")
    }
    let found = try model.labels(labels)
    let labels = found.names
    if let note = found.note, !quiet { Console.note("note: \(note)") }
    let progress = StageProgress(isQuiet: quiet)
    defer { progress.finish() }
    func samples(_ folder: String) throws -> SampleFolder {
      let samples = try model.samples(inFolder: folder, rule: rule, labels: labels) {
        progress.show("reading \(folder)", $0)
      }
      progress.finish()
      for file in quiet ? [] : samples.skipped {
        Console.note("note: skipped \(file.path): \(file.reason)")
      }
      for note in quiet ? [] : samples.notes { Console.note("note: \(note)") }
      return samples
    }
    let data = try data.map(samples)
    guard let absorb else {
      guard let data else { return conversion }
      return try conversion.measured(on: data, comparedMaps: compareMaps) { progress.show($0, $1) }
    }
    var settings = CalibrationSettings()
    settings.method = try method()
    settings.seed = seed ?? 0
    settings.comparedMaps = compareMaps
    settings.storeFolder = storeFolder
    settings.resumes = resume
    let pictures = try samples(absorb)
    Interruption.advice = "the finished layers are kept; the same command with --resume goes on"
    return try conversion.calibrated(on: pictures, judgedOn: data, rule: rule, settings) {
      progress.show($0, $1)
    }
  }

  private var storeFolder: String { output + ".calibration" }

  private func method() throws -> CalibrationMethod? {
    if absorbMethod == "auto" { return nil }
    guard let method = CalibrationMethod(rawValue: absorbMethod) else {
      throw ValidationError(
        "--absorb-method '\(absorbMethod)' is not one of auto, absorption, reconstruction")
    }
    return method
  }

  private var options: ConversionOptions {
    var options = ConversionOptions()
    options.alsoStripped = Set(also)
    options.replacesBreakers = replace
    options.isStrict = strict
    return options
  }
}

/// A progress bar for each stage of a long work.
private final class StageProgress {
  private let isQuiet: Bool
  private var stage = ""
  private var bar: ProgressBar?

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func show(_ stage: String, _ share: Double) {
    if stage != self.stage {
      finish()
      self.stage = stage
      bar = ProgressBar(stage, isQuiet: isQuiet)
    }
    bar?.show(share, steps: nil)
  }

  func finish() {
    bar?.finish()
    (bar, stage) = (nil, "")
  }
}
