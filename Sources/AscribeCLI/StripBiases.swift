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

  @Flag(help: "Print one JSON value in place of lines.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print neither progress nor notes on standard error.")
  var quiet = false

  func run() throws {
    let model = try Model(contentsOf: URL(filePath: model))
    let conversion = try model.strippingBiases(options)
    try conversion.write(to: URL(filePath: output))
    if json { return try Console.print(json: conversion.report) }
    print(ConversionText.lines(of: conversion.report, output: output).joined(separator: "\n"))
  }

  private var options: ConversionOptions {
    var options = ConversionOptions()
    options.alsoStripped = Set(also)
    options.replacesBreakers = replace
    options.isStrict = strict
    return options
  }
}
