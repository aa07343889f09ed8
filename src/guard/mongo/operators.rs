//! Which operators may stand in an expression, and what they give. What is not in these lists is not
//! allowed: an operator of a future MongoDB included.

use super::shape::Types;

/// What an operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// A scalar of this type.
    Scalar(Types),
    /// A list of scalars of this type.
    List(Types),
    /// One of its arguments, or an element of one.
    Argument,
    /// A list made of its arguments' elements, or of its arguments.
    Arguments,
    /// Anything.
    Anything,
}

use Gives::{Anything, Argument, Arguments, List, Scalar};

const NUMBER: Gives = Scalar(Types::NUMBER);
const TEXT: Gives = Scalar(Types::STRING);
const YES_OR_NO: Gives = Scalar(Types::BOOL);
const DATE: Gives = Scalar(Types::DATE);

/// What an operator of expressions gives; None for one that is not allowed. Those that bind names are
/// handled by name in `expression`.
pub fn expression(name: &str) -> Option<Gives> {
    Some(match name {
        "$abs" | "$add" | "$ceil" | "$divide" | "$exp" | "$floor" | "$ln" | "$log" | "$log10" | "$mod"
        | "$multiply" | "$pow" | "$round" | "$sqrt" | "$trunc" | "$sin" | "$cos" | "$tan" | "$asin"
        | "$acos" | "$atan" | "$atan2" | "$sinh" | "$cosh" | "$tanh" | "$asinh" | "$acosh" | "$atanh"
        | "$degreesToRadians" | "$radiansToDegrees" | "$bitAnd" | "$bitOr" | "$bitXor" | "$bitNot"
        | "$rand" | "$toInt" | "$toLong" | "$toDouble" | "$toDecimal" | "$size" | "$strLenBytes"
        | "$strLenCP" | "$indexOfArray" | "$indexOfBytes" | "$indexOfCP" | "$strcasecmp" | "$cmp"
        | "$dateDiff" | "$dayOfMonth" | "$dayOfWeek" | "$dayOfYear" | "$hour" | "$isoDayOfWeek"
        | "$isoWeek" | "$isoWeekYear" | "$millisecond" | "$minute" | "$month" | "$second" | "$week"
        | "$year" | "$tsSecond" | "$tsIncrement" | "$binarySize" | "$bsonSize" | "$sum" | "$avg"
        | "$stdDevPop" | "$stdDevSamp" | "$median" => match name {
            // A date plus a number is a date.
            "$add" => Scalar(Types::UNKNOWN),
            _ => NUMBER,
        },
        // The difference of two dates is a number, of a date and a number a date.
        "$subtract" => Scalar(Types::UNKNOWN),
        "$percentile" => List(Types::NUMBER),
        "$and" | "$or" | "$not" | "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$in" | "$isArray"
        | "$isNumber" | "$toBool" | "$allElementsTrue" | "$anyElementTrue" | "$setEquals"
        | "$setIsSubset" | "$regexMatch" => YES_OR_NO,
        "$concat" | "$ltrim" | "$rtrim" | "$trim" | "$replaceOne" | "$replaceAll" | "$substr"
        | "$substrBytes" | "$substrCP" | "$toLower" | "$toUpper" | "$toString" | "$type"
        | "$dateToString" => TEXT,
        "$dateAdd" | "$dateSubtract" | "$dateTrunc" | "$dateFromParts" | "$dateFromString" | "$toDate" => {
            DATE
        }
        "$toObjectId" => Scalar(Types::OBJECT_ID),
        "$split" => List(Types::STRING),
        "$range" => List(Types::NUMBER),
        "$ifNull" | "$arrayElemAt" | "$first" | "$last" | "$max" | "$min" => Argument,
        "$concatArrays" | "$reverseArray" | "$setUnion" | "$setIntersection" | "$setDifference"
        | "$slice" | "$firstN" | "$lastN" | "$maxN" | "$minN" => Arguments,
        "$convert" | "$arrayToObject" | "$dateToParts" | "$mergeObjects" | "$regexFind" | "$regexFindAll"
        | "$zip" | "$objectToArray" => Anything,
        _ => return None,
    })
}

/// Whether it compares its two arguments, so that values of different kinds give a silent no.
pub fn compares(name: &str) -> bool {
    matches!(name, "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$cmp")
}

/// Whether it adds its arguments up and leaves out, without a word, what is no number.
pub fn sums(name: &str) -> bool {
    matches!(
        name,
        "$sum" | "$avg" | "$stdDevPop" | "$stdDevSamp" | "$median" | "$percentile" | "$expMovingAvg"
    )
}

/// What an accumulator of `$group`, `$bucket` and `$setWindowFields` gives; None for one that is not allowed.
pub fn accumulator(name: &str) -> Option<Gives> {
    Some(match name {
        "$sum" | "$avg" | "$stdDevPop" | "$stdDevSamp" | "$count" | "$median" => NUMBER,
        "$percentile" => List(Types::NUMBER),
        "$min" | "$max" | "$first" | "$last" => Argument,
        "$push" | "$addToSet" | "$firstN" | "$lastN" | "$maxN" | "$minN" => Arguments,
        "$top" | "$bottom" => Argument,
        "$topN" | "$bottomN" => Arguments,
        "$mergeObjects" => Anything,
        _ => return None,
    })
}

/// What a window function gives that is no accumulator; None for one that is not allowed.
pub fn window(name: &str) -> Option<Gives> {
    Some(match name {
        "$rank" | "$denseRank" | "$documentNumber" | "$derivative" | "$integral" | "$expMovingAvg"
        | "$covariancePop" | "$covarianceSamp" => NUMBER,
        "$shift" | "$linearFill" | "$locf" => Argument,
        _ => return None,
    })
}

/// Why an operator or stage is refused; known dangers are named.
pub fn danger(name: &str) -> &'static str {
    match name {
        "$out" | "$merge" => "it writes",
        "$where" | "$function" | "$accumulator" | "mapReduce" => "it runs JavaScript in the database",
        "$currentOp"
        | "$listSessions"
        | "$listLocalSessions"
        | "$collStats"
        | "$indexStats"
        | "$planCacheStats"
        | "$listSampledQueries"
        | "$queryStats"
        | "$shardedDataDistribution"
        | "$listClusterCatalog"
        | "$listCatalog" => "it shows the server's own state",
        "$changeStream" | "$changeStreamSplitLargeEvent" => "it never ends",
        _ => "only those that are known to do nothing but read are",
    }
}
