package import Graphs

/// Every operator that the program knows, and how the importer finds one.
package enum Registry {
  /// All operators: those of ONNX, and those of the domain `ascribe` that only gradients contain.
  package static let operators: [any Operator.Type] =
    gradients + convolutionsAndProducts + elementwiseAndReductions + shapesAndMovement

  private static let gradients: [any Operator.Type] = [
    Accumulate.self, SumToShape.self, StretchToShape.self, PathPoints.self, WeightedSum.self,
    RecordSigns.self, ChangePrecision.self, SignedSum.self, RecordingMaxPool.self,
    MaxPoolScatter.self, NextPoint.self, MeanReluGradient.self, MeanMaxPoolGradient.self,
  ]

  private static let convolutionsAndProducts: [any Operator.Type] = [
    Conv.self, ConvInputGradient.self, MatMul.self, MatrixProduct.self, Gemm.self, MaxPool.self,
    MaxPoolGradient.self, AveragePool.self, AveragePoolGradient.self, GlobalAveragePool.self,
    GlobalMaxPool.self, BatchNormalization.self, BatchNormalizationGradient.self,
    FusedConvolution.self, ConvTranspose.self, LRN.self, LRNGradient.self,
  ]

  private static let elementwiseAndReductions: [any Operator.Type] = [
    Add.self, Sub.self, Mul.self, Div.self, Pow.self, Mod.self, Max.self, Min.self, Sum.self,
    Mean.self, PRelu.self, LegacyBroadcast<Add>.self, LegacyBroadcast<Sub>.self,
    LegacyBroadcast<Mul>.self, LegacyBroadcast<Div>.self, LegacyBroadcast<Pow>.self,
    LegacyBroadcast<PRelu>.self, LegacyBroadcast<And>.self, LegacyBroadcast<Or>.self,
    LegacyBroadcast<Xor>.self, LegacyBroadcast<Equal>.self, LegacyBroadcast<Less>.self,
    LegacyBroadcast<Greater>.self, And.self, Or.self, Xor.self, Not.self, BitwiseAnd.self,
    BitwiseOr.self, BitwiseXor.self, BitwiseNot.self, BitShift.self, Equal.self, Less.self,
    LessOrEqual.self, Greater.self, GreaterOrEqual.self, Where.self, Relu.self, ReluGradient.self,
    LeakyRelu.self, ThresholdedRelu.self, Shrink.self, Clip.self, ClipGradient.self,
    HardSigmoid.self, HardSwish.self, HardSwishGradient.self, Elu.self, Selu.self, Celu.self,
    Sigmoid.self, Tanh.self,
    Softplus.self, Softsign.self, Mish.self, Swish.self, SwishGradient.self, Gelu.self, Exp.self,
    Log.self, Sqrt.self,
    Reciprocal.self, Erf.self, Abs.self, Neg.self, Sign.self, Floor.self, Ceil.self, Round.self,
    Sin.self, Cos.self, Tan.self, Asin.self, Acos.self, Atan.self, Sinh.self, Cosh.self, Asinh.self,
    Acosh.self, Atanh.self, Identity.self, Dropout.self, Cast.self, CastLike.self, IsNaN.self,
    IsInf.self, ReduceSum.self, ReduceMean.self, ReduceMax.self, ReduceMin.self,
    ReduceProd.self, ReduceL1.self, ReduceL2.self, ReduceSumSquare.self, ReduceLogSum.self,
    ReduceLogSumExp.self, ArgMax.self, ArgMin.self, CumSum.self, CumProd.self, Softmax.self,
    LogSoftmax.self, Hardmax.self, LayerNormalization.self, RMSNormalization.self,
    InstanceNormalization.self, GroupNormalization.self, LpNormalization.self,
    MeanVarianceNormalization.self,
  ]

  private static let shapesAndMovement: [any Operator.Type] = [
    Reshape.self, Flatten.self, Squeeze.self, Unsqueeze.self, Transpose.self, Concat.self,
    Split.self, Slice.self, SliceGradient.self, Gather.self, GatherGradient.self,
    GatherElements.self, GatherND.self, GatherNDGradient.self, ScatterElements.self,
    Scatter.self, ScatterND.self, Pad.self, PadGradient.self, Expand.self, Tile.self,
    ShapeQuery.self, SizeQuery.self, Constant.self, ConstantOfShape.self, NumberRange.self,
    Resize.self, Upsample.self, Resample.self, NonZero.self, Compress.self,
    OneHot.self, TopK.self, Trilu.self, EyeLike.self, DepthToSpace.self, SpaceToDepth.self,
    ReverseSequence.self, CenterCropPad.self, Einsum.self,
  ]

  /// The operator with this name that a model of this opset means, or nil if there is none.
  package static func operation(
    named name: String, domain: String, opset: Int
  ) -> (any Operator.Type)? {
    byName["\(domain):\(name)"]?.first { $0.specification.opsets.contains(opset) }
  }

  private static let byName = Dictionary(grouping: operators) { type in
    "\(type.specification.domain):\(type.specification.name)"
  }
}
